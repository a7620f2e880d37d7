import type { Addressing } from "../api.ts";
import { base64, bytes } from "../signal/keys.ts";
import type { Encrypted } from "../signal/sessions.ts";

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
  /** Attributes of the `meta` node beside the ciphertext. */
  meta?: Record<string, string> | undefined;
  /** The sender is a business whose buttons phones show. */
  showsButtons?: true | undefined;
  encrypted: Encrypted;
  /** Attributes of the `enc` node beside version and type (media type, retry count). */
  encAttributes?: Record<string, string> | undefined;
  deviceIdentity?: Buffer | undefined;
  /** Seconds. */
  at: number;
}

export type StoredEnvelope = Omit<Envelope, "encrypted" | "deviceIdentity"> & {
  encrypted: { type: Encrypted["type"]; ciphertext: string };
  deviceIdentity?: string | undefined;
};

export function storeEnvelope(envelope: Envelope): StoredEnvelope {
  return {
    ...envelope,
    encrypted: { type: envelope.encrypted.type, ciphertext: base64(envelope.encrypted.ciphertext) },
    deviceIdentity: envelope.deviceIdentity && base64(envelope.deviceIdentity),
  };
}

export function loadEnvelope(stored: StoredEnvelope): Envelope {
  return {
    ...stored,
    encrypted: { type: stored.encrypted.type, ciphertext: bytes(stored.encrypted.ciphertext) },
    deviceIdentity: stored.deviceIdentity === undefined ? undefined : bytes(stored.deviceIdentity),
  };
}
