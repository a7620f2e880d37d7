import { base64url, concat, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";

export interface VerificationCode {
  verificationId: string;
  code: string;
}

const zero = new Uint8Array(1);
const hmacKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

/**
 * The MACs of a code under every pepper, current first. A check compares against all of them, a create stores the first.
 * HMAC-SHA-256(pepper, "otp.v1" ‖ 0 ‖ id ‖ 0 ‖ code): a code has a million values, so only a keyed MAC hides it.
 */
export async function codeMac(peppers: KeyRing, { verificationId, code }: VerificationCode): Promise<string[]> {
  const message = concat(utf8("otp.v1"), zero, utf8(verificationId), zero, utf8(code));
  return Promise.all([...peppers.all.values()].map((pepper) => hmac(pepper, message)));
}

/** The look-up form of a phone number: different in every workspace, useless without the key. */
export function phoneHash(key: KeyRing, workspaceId: string, e164: string): Promise<string> {
  return hmac(key.current.bytes, concat(utf8("phone.v1"), zero, utf8(workspaceId), zero, utf8(e164)));
}

/** HMAC-SHA-256 in base64url. */
export async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await imported(key), message)));
}

/** Compares in constant time, through WebCrypto's own verify. */
export async function verifyHmac(
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  mac: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return crypto.subtle.verify("HMAC", await imported(key), mac, message);
}

function imported(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  let promise = hmacKeys.get(key);
  if (!promise) {
    promise = crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    hmacKeys.set(key, promise);
  }
  return promise;
}
