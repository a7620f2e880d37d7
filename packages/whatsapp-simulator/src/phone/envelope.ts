import type { Addressing } from "../api.ts";
import { base64, bytes } from "../signal/keys.ts";
import type { Encrypted, PairEncrypted } from "../signal/sessions.ts";

/** One ciphertext on its way to one device. Plain data, because it may wait for days. */
export interface Envelope {
  id: string;
  /** Digits. */
  from: string;
  fromDevice: number;
  addressing: Addressing;
  /** For a copy to an own device: the jid of the chat that it belongs to. */
  recipient?: string | undefined;
  /** `peer`: between own devices, shown in no chat. */
  category?: string | undefined;
  /** text, media, reaction, poll. */
  type: string;
  edit?: string | undefined;
  /** Attributes of the `meta` node, such as `polltype`. */
  meta?: Record<string, string> | undefined;
  /** The jid of the group that it is written in. */
  group?: string | undefined;
  /** The author's key of the group, encrypted for this device alone. */
  senderKey?: PairEncrypted | undefined;
  /** The sender is a business whose buttons phones show. */
  showsButtons?: true | undefined;
  encrypted: Encrypted;
  /** The content stays on the phone: companions only hear that there is a view-once message. */
  isUnavailable?: true | undefined;
  /** The server has lost the content on the way to this companion. */
  isPlaceholder?: true | undefined;
  /** Attributes of the `enc` node beside version and type (media type, retry count). */
  encAttributes?: Record<string, string> | undefined;
  deviceIdentity?: Buffer | undefined;
  /** Seconds. */
  at: number;
}

interface Stored<T extends Encrypted> {
  type: T["type"];
  ciphertext: string;
}

export type StoredEnvelope = Omit<Envelope, "encrypted" | "senderKey" | "deviceIdentity"> & {
  encrypted: Stored<Encrypted>;
  senderKey?: Stored<PairEncrypted> | undefined;
  deviceIdentity?: string | undefined;
};

export function storeEnvelope(envelope: Envelope): StoredEnvelope {
  return {
    ...envelope,
    encrypted: store(envelope.encrypted),
    senderKey: envelope.senderKey && store(envelope.senderKey),
    deviceIdentity: envelope.deviceIdentity && base64(envelope.deviceIdentity),
  };
}

export function loadEnvelope(stored: StoredEnvelope): Envelope {
  return {
    ...stored,
    encrypted: load(stored.encrypted),
    senderKey: stored.senderKey && load(stored.senderKey),
    deviceIdentity: stored.deviceIdentity === undefined ? undefined : bytes(stored.deviceIdentity),
  };
}

const store = <T extends Encrypted>({ type, ciphertext }: T): Stored<T> => ({ type, ciphertext: base64(ciphertext) });
const load = <T extends Encrypted>({ type, ciphertext }: Stored<T>) => ({ type, ciphertext: bytes(ciphertext) });
