import { Curve, generateSignalPubKey, type KeyPair } from "@whiskeysockets/baileys";

/** The keys that open a Signal session with a device. Public keys have 32 bytes. */
export interface KeyBundle {
  registrationId: number;
  identity: Buffer;
  signedPreKey: { id: number; key: Buffer; signature: Buffer };
  preKey?: { id: number; key: Buffer };
}

export interface SignedPreKey {
  id: number;
  pair: KeyPair;
  signature: Buffer;
}

export function makeSignedPreKey(identity: KeyPair, id: number): SignedPreKey {
  const pair = Curve.generateKeyPair();
  return { id, pair, signature: Buffer.from(Curve.sign(identity.private, generateSignalPubKey(pair.public))) };
}

/** Key pairs and buffers in the form of the state file. */
export interface StoredPair {
  public: string;
  private: string;
}

export function storePair(pair: KeyPair): StoredPair {
  return { public: base64(pair.public), private: base64(pair.private) };
}

export function loadPair(stored: StoredPair): KeyPair {
  return { public: bytes(stored.public), private: bytes(stored.private) };
}

export function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
}

export function bytes(value: string): Buffer {
  return Buffer.from(value, "base64");
}
