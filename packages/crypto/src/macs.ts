import { base64url, concat, fromBase64url, sha256, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";

export interface VerificationCode {
  verificationId: string;
  /** Letters count as capitals. */
  code: string;
  /** What the code stands for, in a canonical form; empty for nothing. */
  bind: string;
}

const zero = new Uint8Array(1);
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const hmacKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

/**
 * The MACs of a code under every pepper, current first. A check compares against all of them, a create stores the first.
 * HMAC-SHA-256(pepper, "otp.v1" ‖ 0 ‖ id ‖ 0 ‖ code ‖ 0 ‖ SHA-256(bind)): a code has a million values, so only a keyed
 * MAC hides it.
 */
export async function codeMac(peppers: KeyRing, { verificationId, code, bind }: VerificationCode): Promise<string[]> {
  const bound = await (bind === "" ? (unbound ??= sha256(utf8(""))) : sha256(utf8(bind)));
  const message = concat(utf8("otp.v1"), zero, utf8(verificationId), zero, utf8(code.toUpperCase()), zero, bound);
  return Promise.all([...peppers.all.values()].map((pepper) => hmac(pepper, message)));
}

let unbound: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** The token that a user is to send for a verification, and the MAC that is stored of it. */
export interface TokenWithMac {
  token: string;
  mac: string;
}

/**
 * The tokens of a verification under every pepper, current first: 65 bits of HMAC(pepper, "inbound.v1" ‖ 0 ‖ id) in
 * Crockford base32. Derived rather than stored, so that the link can be shown again and the row alone gives nothing away.
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

/** What a received token is looked up by: its MAC under every pepper. */
export function tokenMac(peppers: KeyRing, token: string): Promise<string[]> {
  return Promise.all([...peppers.all.values()].map((pepper) => tokenMacWith(pepper, token)));
}

const tokenMacWith = (pepper: Uint8Array<ArrayBuffer>, token: string) =>
  hmac(pepper, concat(utf8("token.v1"), zero, utf8(token)));

/** The look-up form of a phone number: different in every workspace (or other scope), useless without the key. */
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
