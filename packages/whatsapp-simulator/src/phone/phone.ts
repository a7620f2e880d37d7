import type { Content } from "./content/content.ts";
import { Curve, generateRegistrationId, type KeyPair } from "@whiskeysockets/baileys";
import type { Addressing, PhoneInfo, PhonePatch, ReceiptsMode } from "../api.ts";
import { Account, type StoredAccount } from "../account/account.ts";
import { AppState, type StoredAppState } from "../app-state/app-state.ts";
import {
  base64,
  bytes,
  type KeyBundle,
  loadPair,
  makeSignedPreKey,
  type SignedPreKey,
  storePair,
  type StoredPair,
} from "../signal/keys.ts";
import { SenderKeys, type StoredSenderKeys } from "../signal/sender-keys.ts";
import { SignalSessions } from "../signal/sessions.ts";
import { e164, jidOf } from "../wire/jid.ts";
import { Chat, type StoredMessage } from "./chat.ts";
import { LinkedDevice, type StoredDevice } from "./device.ts";
import { type Envelope, loadEnvelope, type StoredEnvelope, storeEnvelope } from "./envelope.ts";
import type { PairingRequest } from "./pairing-request.ts";

const preKeysKept = 2000;
const retriesKept = 300;
/** 99 names hosted devices. */
const hostedDevice = 99;

export interface StoredPhone {
  number: string;
  lid: string;
  name: string;
  online: boolean;
  receipts: ReceiptsMode;
  latencyMs: number;
  addressing: Addressing | "auto";
  identity: StoredPair;
  registrationId: number;
  signedPreKey: { id: number; pair: StoredPair; signature: string };
  preKeys: [id: number, pair: StoredPair][];
  nextPreKeyId: number;
  nextDeviceId: number;
  sessions: ReturnType<SignalSessions["toState"]>;
  addressedBy: [number: string, addressing: Addressing][];
  devices: StoredDevice[];
  messages: StoredMessage[];
  pending: StoredEnvelope[];
  /** Absent in states of earlier versions. */
  senderKeys?: StoredSenderKeys;
  account?: StoredAccount;
  appState?: StoredAppState;
}

/** A phone with a SIM: its keys, its chats, its linked devices. It belongs to the server's process but not to the server. */
export class Phone {
  readonly number: string;
  readonly lid: string;
  name: string;
  online: boolean;
  receipts: ReceiptsMode;
  latencyMs: number;
  addressing: Addressing | "auto";
  readonly identity: KeyPair;
  readonly registrationId: number;
  readonly signedPreKey: SignedPreKey;
  readonly sessions: SignalSessions;
  readonly senderKeys: SenderKeys;
  readonly chat: Chat;
  readonly account: Account;
  readonly appState: AppState;
  readonly devices = new Map<number, LinkedDevice>();
  /** How each contact addressed this phone last. */
  readonly addressedBy: Map<string, Addressing>;
  /** What it did last with earlier messages, by chat and id, for devices that ask for it again. */
  readonly actions = new Map<string, Content>();
  /** Messages that arrived while the phone was offline. */
  readonly pending: Envelope[];
  /** Read receipts that are due when the phone is online again. */
  readonly toRead: (() => void)[] = [];
  /** How often this phone asked for a message again. */
  readonly retries = new Map<string, number>();
  pairingRequest: PairingRequest | undefined;
  /** Changed since the state was written. */
  dirty = true;
  readonly #preKeys: Map<number, KeyPair>;
  #nextPreKeyId: number;
  #nextDeviceId: number;
  #work: Promise<unknown> = Promise.resolve();

  constructor(number: string, lid: string, name: string, stored?: StoredPhone) {
    this.number = number;
    this.lid = lid;
    this.name = name;
    this.online = stored?.online ?? true;
    this.receipts = stored?.receipts ?? "read";
    this.latencyMs = stored?.latencyMs ?? 0;
    this.addressing = stored?.addressing ?? "auto";
    this.identity = stored ? loadPair(stored.identity) : Curve.generateKeyPair();
    this.registrationId = stored?.registrationId ?? (generateRegistrationId() || 1);
    this.signedPreKey = stored
      ? {
          id: stored.signedPreKey.id,
          pair: loadPair(stored.signedPreKey.pair),
          signature: bytes(stored.signedPreKey.signature),
        }
      : makeSignedPreKey(this.identity, 1);
    this.#preKeys = new Map(stored?.preKeys.map(([id, pair]) => [id, loadPair(pair)]));
    this.#nextPreKeyId = stored?.nextPreKeyId ?? 1;
    this.#nextDeviceId = stored?.nextDeviceId ?? 1;
    this.sessions = new SignalSessions(
      lid,
      {
        identity: this.identity,
        registrationId: this.registrationId,
        signedPreKey: this.signedPreKey,
        loadPreKey: (id) => this.#preKeys.get(id),
        removePreKey: (id) => this.#preKeys.delete(id),
      },
      stored?.sessions,
    );
    this.senderKeys = new SenderKeys(stored?.senderKeys);
    this.chat = new Chat(stored?.messages);
    this.account = new Account(stored?.account);
    this.appState = new AppState(stored?.appState);
    if (!stored?.account) for (const { chat } of stored?.messages ?? []) this.account.known.add(chat.slice(1));
    this.addressedBy = new Map(stored?.addressedBy);
    this.pending = stored?.pending.map(loadEnvelope) ?? [];
    for (const device of stored?.devices ?? []) this.devices.set(device.id, LinkedDevice.load(device));
  }

  static load(stored: StoredPhone): Phone {
    return new Phone(stored.number, stored.lid, stored.name, stored);
  }

  get e164(): string {
    return e164(this.number);
  }

  /** Keys for one new Signal session with this phone; the one-time key is made on demand. */
  takeBundle(): KeyBundle {
    const id = this.#nextPreKeyId;
    this.#nextPreKeyId = (id % 0xff_ff_fe) + 1;
    const pair = Curve.generateKeyPair();
    this.#preKeys.set(id, pair);
    forgetOldest(this.#preKeys, preKeysKept);
    this.dirty = true;
    return {
      registrationId: this.registrationId,
      identity: Buffer.from(this.identity.public),
      signedPreKey: {
        id: this.signedPreKey.id,
        key: Buffer.from(this.signedPreKey.pair.public),
        signature: this.signedPreKey.signature,
      },
      preKey: { id, key: Buffer.from(pair.public) },
    };
  }

  newDeviceId(): number {
    if (this.#nextDeviceId === hostedDevice) this.#nextDeviceId++;
    return this.#nextDeviceId++;
  }

  /** One job at a time: two jobs must not use a Signal session together. */
  enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#work.then(job);
    this.#work = result.catch(() => {});
    return result;
  }

  idle(): Promise<unknown> {
    return this.#work;
  }

  countRetry(key: string): number {
    const count = (this.retries.get(key) ?? 0) + 1;
    this.retries.set(key, count);
    forgetOldest(this.retries, retriesKept);
    return count;
  }

  change(patch: PhonePatch): void {
    this.name = patch.name ?? this.name;
    this.receipts = patch.receipts ?? this.receipts;
    this.online = patch.online ?? this.online;
    this.latencyMs = patch.latencyMs ?? this.latencyMs;
    this.addressing = patch.addressing ?? this.addressing;
    this.dirty = true;
  }

  info(): PhoneInfo {
    return {
      number: this.e164,
      lid: this.lid,
      name: this.name,
      online: this.online,
      receipts: this.receipts,
      latencyMs: this.latencyMs,
      addressing: this.addressing,
      devices: [...this.devices.values()].map((device) => device.info(jidOf(this, "pn", device.id))),
      messages: this.chat.length,
      limits: this.account.shown,
      awaitsPairingCode: this.pairingRequest !== undefined,
    };
  }

  toState(): StoredPhone {
    return {
      number: this.number,
      lid: this.lid,
      name: this.name,
      online: this.online,
      receipts: this.receipts,
      latencyMs: this.latencyMs,
      addressing: this.addressing,
      identity: storePair(this.identity),
      registrationId: this.registrationId,
      signedPreKey: {
        id: this.signedPreKey.id,
        pair: storePair(this.signedPreKey.pair),
        signature: base64(this.signedPreKey.signature),
      },
      preKeys: [...this.#preKeys].map(([id, pair]) => [id, storePair(pair)]),
      nextPreKeyId: this.#nextPreKeyId,
      nextDeviceId: this.#nextDeviceId,
      sessions: this.sessions.toState(),
      senderKeys: this.senderKeys.toState(),
      addressedBy: [...this.addressedBy],
      devices: [...this.devices.values()].map((device) => device.toState()),
      messages: this.chat.toState(),
      pending: this.pending.map(storeEnvelope),
      account: this.account.toState(),
      appState: this.appState.toState(),
    };
  }
}

function forgetOldest(map: Map<unknown, unknown>, kept: number): void {
  if (map.size <= kept) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
