import { generateSignalPubKey, type KeyPair, unpadRandomMax16, writeRandomPadMax16 } from "@whiskeysockets/baileys";
import { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord, type SignalStorage } from "libsignal";
import type { KeyBundle, SignedPreKey } from "./keys.ts";

const closedSessionsKept = 5;

interface Session {
  indexInfo: { closed: number };
}

/** libsignal's record, without its habit of printing sessions (private keys included) when it closes them. */
class QuietRecord extends SessionRecord {
  declare sessions: Record<string, Session>;

  closeSession(session: Session): void {
    session.indexInfo.closed = Date.now();
  }

  removeOldSessions(): void {
    const closed = Object.entries(this.sessions).filter(([, each]) => each.indexInfo.closed !== -1);
    closed.sort(([, a], [, b]) => b.indexInfo.closed - a.indexInfo.closed);
    for (const [key] of closed.slice(closedSessionsKept)) delete this.sessions[key];
  }
}

type Stored = ReturnType<SessionRecord["serialize"]>;

/** A ciphertext on the wire, for one device or, as `skmsg`, for all devices of a group. */
export interface Encrypted {
  type: "pkmsg" | "msg" | "skmsg";
  ciphertext: Buffer;
}

export interface PairEncrypted extends Encrypted {
  type: "pkmsg" | "msg";
}

export interface SignalIdentity {
  identity: KeyPair;
  registrationId: number;
  signedPreKey: SignedPreKey;
  loadPreKey(id: number): KeyPair | undefined;
  removePreKey(id: number): void;
}

/** The Signal sessions of one phone, one for each device that it talks with. Calls for one phone must not overlap. */
export class SignalSessions {
  readonly #records = new Map<string, QuietRecord>();
  readonly #storage: SignalStorage;
  readonly #owner: string;

  /** `owner` keeps the addresses of phones apart: libsignal queues its work by address, across the process. */
  constructor(owner: string, who: SignalIdentity, stored: Record<string, Stored> = {}) {
    this.#owner = owner;
    for (const [peer, record] of Object.entries(stored)) {
      this.#records.set(this.#address(peer).toString(), QuietRecord.deserialize(record) as QuietRecord);
    }
    const identity = signalPair(who.identity);
    const signedPreKey = signalPair(who.signedPreKey.pair);
    this.#storage = {
      loadSession: async (id) => this.#records.get(id),
      storeSession: async (id, record) => {
        if (this.#records.get(id) !== record)
          this.#records.set(id, Object.setPrototypeOf(record, QuietRecord.prototype));
      },
      isTrustedIdentity: () => true,
      loadPreKey: async (id) => {
        const keys = who.loadPreKey(Number(id));
        return keys && signalPair(keys);
      },
      removePreKey: (id) => who.removePreKey(id),
      loadSignedPreKey: () => signedPreKey,
      getOurRegistrationId: () => who.registrationId,
      getOurIdentity: () => identity,
    };
  }

  has(peer: string): boolean {
    return this.#records.get(this.#address(peer).toString())?.haveOpenSession() ?? false;
  }

  forget(peer: string): void {
    this.#records.delete(this.#address(peer).toString());
  }

  async open(peer: string, bundle: KeyBundle): Promise<void> {
    const device = {
      registrationId: bundle.registrationId,
      identityKey: prefixed(bundle.identity),
      signedPreKey: {
        keyId: bundle.signedPreKey.id,
        publicKey: prefixed(bundle.signedPreKey.key),
        signature: bundle.signedPreKey.signature,
      },
      ...(bundle.preKey && { preKey: { keyId: bundle.preKey.id, publicKey: prefixed(bundle.preKey.key) } }),
    };
    // libsignal takes a bundle without a one-time key; only its types do not.
    await new SessionBuilder(this.#storage, this.#address(peer)).initOutgoing(device as never);
  }

  async encrypt(peer: string, plain: Uint8Array): Promise<PairEncrypted> {
    const cipher = new SessionCipher(this.#storage, this.#address(peer));
    const { type, body } = await cipher.encrypt(writeRandomPadMax16(plain));
    return { type: type === 3 ? "pkmsg" : "msg", ciphertext: Buffer.from(body, "binary") };
  }

  /** Throws if it cannot, and restores the session: libsignal moves its ratchet before it checks the message. */
  async decrypt(peer: string, { type, ciphertext }: Encrypted): Promise<Uint8Array> {
    const address = this.#address(peer);
    const before = this.#records.get(address.toString())?.serialize();
    const cipher = new SessionCipher(this.#storage, address);
    try {
      const padded =
        type === "pkmsg"
          ? await cipher.decryptPreKeyWhisperMessage(ciphertext)
          : await cipher.decryptWhisperMessage(ciphertext);
      return unpadRandomMax16(padded);
    } catch (error) {
      if (before) this.#records.set(address.toString(), QuietRecord.deserialize(before) as QuietRecord);
      throw error;
    }
  }

  toState(): Record<string, Stored> {
    const state: Record<string, Stored> = {};
    const prefix = this.#owner.length + 1;
    for (const [address, record] of this.#records) state[address.slice(prefix)] = record.serialize();
    return state;
  }

  /** `peer` is `lid.device`. */
  #address(peer: string): ProtocolAddress {
    const dot = peer.lastIndexOf(".");
    return new ProtocolAddress(`${this.#owner}-${peer.slice(0, dot)}`, Number(peer.slice(dot + 1)));
  }
}

function prefixed(key: Buffer): Buffer {
  return Buffer.from(generateSignalPubKey(key));
}

function signalPair(keys: KeyPair): { privKey: Buffer; pubKey: Buffer } {
  return { privKey: Buffer.from(keys.private), pubKey: Buffer.from(generateSignalPubKey(keys.public)) };
}
