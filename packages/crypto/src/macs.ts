import { base64url, concat, fromBase64url, sha256, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";

export interface VerificationCode {
  verificationId: string;
  /** Letters are compared as capitals. */
  code: string;
  /** The amount and payee of the code in a canonical form; empty when there are none. */
  bind: string;
}

const zero = new Uint8Array(1);
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const hmacKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

/**
 * The MACs of a code under every pepper, current first. A create stores the first; a check compares with all of them.
 * HMAC-SHA-256(pepper, "otp.v1" ‖ 0 ‖ id ‖ 0 ‖ code ‖ 0 ‖ SHA-256(bind)). A code has a million values, so a hash without
 * a key would not hide it.
 */
export async function codeMac(peppers: KeyRing, { verificationId, code, bind }: VerificationCode): Promise<string[]> {
  const bound = await (bind === "" ? (unbound ??= sha256(utf8(""))) : sha256(utf8(bind)));
  const message = concat(utf8("otp.v1"), zero, utf8(verificationId), zero, utf8(code.toUpperCase()), zero, bound);
  return Promise.all([...peppers.all.values()].map((pepper) => hmac(pepper, message)));
}

let unbound: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** The token that a user sends for a verification, and its MAC, which is stored. */
export interface TokenWithMac {
  token: string;
  mac: string;
}

/**
 * The tokens of a verification under every pepper, current first: 65 bits of HMAC(pepper, "inbound.v1" ‖ 0 ‖ id) in
 * Crockford base32. A token is derived and not stored: the link can be shown again, and the row does not reveal it.
 */
export async function inboundTokens(peppers: KeyRing, verificationId: string): Promise<TokenWithMac[]> {
  const message = concat(utf8("inbound.v1"), zero, utf8(verificationId));
  return Promise.all(
    [...peppers.all.values()].map(async (pepper) => {
      const bytes = fromBase64url(await hmac(pepper, message));
      const token = Array.from(bytes.subarray(0, 13), (byte) => crockford.charAt(byte & 31)).join("");
      return { token, mac: await tokenMacWith(pepper, token) };
    }),
  );
}

/** The MACs of a received token under every pepper, by which its verification is found. */
export function tokenMac(peppers: KeyRing, token: string): Promise<string[]> {
  return Promise.all([...peppers.all.values()].map((pepper) => tokenMacWith(pepper, token)));
}

const tokenMacWith = (pepper: Uint8Array<ArrayBuffer>, token: string) =>
  hmac(pepper, concat(utf8("token.v1"), zero, utf8(token)));

/** The look-up hash of a phone number. It differs in every workspace (or other scope) and is useless without the key. */
export function phoneHash(key: KeyRing, workspaceId: string, e164: string): Promise<string> {
  return hmac(key.current.bytes, concat(utf8("phone.v1"), zero, utf8(workspaceId), zero, utf8(e164)));
}

/** HMAC-SHA-256 in base64url. */
export async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await imported(key), message)));
}

/** Compares in constant time with WebCrypto's verify. */
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
