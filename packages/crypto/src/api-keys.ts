import { base64url, crc32, type Random, sha256, utf8 } from "./bytes.ts";

export type ApiKeyEnvironment = "live" | "test";

/** A new key. `key` is shown once; `hash` and `prefix` are stored. */
export interface GeneratedApiKey {
  key: string;
  hash: string;
  prefix: string;
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const shape = /^sandi_(live|test)_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/** Makes `sandi_<live|test>_<30 base62><6 base62 CRC-32>`: 178 bits of randomness and a checksum. */
export async function generateApiKey(environment: ApiKeyEnvironment, random: Random): Promise<GeneratedApiKey> {
  let secret = "";
  while (secret.length < 30) {
    // Rejection sampling: 248 is the largest multiple of 62 in a byte.
    for (const byte of random(40)) if (byte < 248 && secret.length < 30) secret += alphabet.charAt(byte % 62);
  }
  const head = `sandi_${environment}_${secret}`;
  const key = head + checksum(head);
  return { key, hash: await hashApiKey(key), prefix: secret.slice(0, 8) };
}

/** True when the form and the checksum are right. A mistyped or invented key then costs no look-up. */
export function isWellFormedApiKey(key: string): boolean {
  const match = shape.exec(key);
  return match !== null && checksum(key.slice(0, -6)) === match[3];
}

/** The stored form of a key. The key has 178 random bits, so nobody can search for its SHA-256. */
export async function hashApiKey(key: string): Promise<string> {
  return base64url(await sha256(utf8(key)));
}

function checksum(text: string): string {
  let value = crc32(utf8(text));
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = alphabet.charAt(value % 62) + digits;
    value = Math.floor(value / 62);
  }
  return digits;
}
