import type { LinkedDeviceInfo } from "../api.ts";
import { Mailbox, type StoredMailbox } from "../server/mailbox.ts";
import { base64, bytes, type KeyBundle } from "../signal/keys.ts";
import { PreKeyPool } from "../signal/pre-keys.ts";
import type { BinaryNode } from "../wire/nodes.ts";
import type { ClientSocket } from "../wire/socket.ts";

export interface StoredDevice {
  id: number;
  platform: string;
  linkedAt: number;
  noiseKey: string;
  identity: string;
  registrationId: number;
  signedPreKey: { id: number; key: string; signature: string };
  preKeys: { keys: string; used: number };
  bootstrapped: boolean;
  maxConcurrentSockets: number;
  mailbox: StoredMailbox;
}

export interface DeviceKeys {
  noiseKey: Buffer;
  identity: Buffer;
  registrationId: number;
  signedPreKey: { id: number; key: Buffer; signature: Buffer };
}

/** A companion as the server knows it: its keys, its sockets and its waiting stanzas. */
export class LinkedDevice {
  readonly id: number;
  readonly platform: string;
  readonly linkedAt: number;
  readonly noiseKey: Buffer;
  identity: Buffer;
  registrationId: number;
  signedPreKey: { id: number; key: Buffer; signature: Buffer };
  readonly preKeys: PreKeyPool;
  readonly mailbox: Mailbox;
  /** The phone gives it keys and history once. */
  bootstrapped: boolean;
  maxConcurrentSockets: number;
  /** A message that the next one overtakes. */
  overtaken: BinaryNode | undefined;
  /** The stanza that linked it; undefined if another process linked it. */
  pairSuccess: BinaryNode | undefined;
  /** Sockets that logged in and are not closed; more than one for a moment when a device is replaced. */
  readonly sockets = new Set<ClientSocket>();

  constructor(id: number, platform: string, linkedAt: number, keys: DeviceKeys, stored?: StoredDevice) {
    this.id = id;
    this.platform = platform;
    this.linkedAt = linkedAt;
    this.noiseKey = keys.noiseKey;
    this.identity = keys.identity;
    this.registrationId = keys.registrationId;
    this.signedPreKey = keys.signedPreKey;
    this.preKeys = new PreKeyPool(stored?.preKeys);
    this.mailbox = new Mailbox(stored?.mailbox);
    this.bootstrapped = stored?.bootstrapped ?? false;
    this.maxConcurrentSockets = stored?.maxConcurrentSockets ?? 0;
  }

  static load(stored: StoredDevice): LinkedDevice {
    const { id, key, signature } = stored.signedPreKey;
    return new LinkedDevice(
      stored.id,
      stored.platform,
      stored.linkedAt,
      {
        noiseKey: bytes(stored.noiseKey),
        identity: bytes(stored.identity),
        registrationId: stored.registrationId,
        signedPreKey: { id, key: bytes(key), signature: bytes(signature) },
      },
      stored,
    );
  }

  /** Takes a one-time key out of the pool. */
  takeBundle(): KeyBundle {
    const preKey = this.preKeys.take();
    return {
      registrationId: this.registrationId,
      identity: this.identity,
      signedPreKey: this.signedPreKey,
      ...(preKey && { preKey }),
    };
  }

  info(jid: string): LinkedDeviceInfo {
    return {
      id: this.id,
      jid,
      platform: this.platform,
      connected: this.sockets.size > 0,
      linkedAt: new Date(this.linkedAt).toISOString(),
      queued: this.mailbox.size,
      maxConcurrentSockets: this.maxConcurrentSockets,
    };
  }

  toState(): StoredDevice {
    const { id, key, signature } = this.signedPreKey;
    return {
      id: this.id,
      platform: this.platform,
      linkedAt: this.linkedAt,
      noiseKey: base64(this.noiseKey),
      identity: base64(this.identity),
      registrationId: this.registrationId,
      signedPreKey: { id, key: base64(key), signature: base64(signature) },
      preKeys: this.preKeys.toState(),
      bootstrapped: this.bootstrapped,
      maxConcurrentSockets: this.maxConcurrentSockets,
      mailbox: this.mailbox.toState(),
    };
  }
}
