import { concat, fromBase64url, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";
import { hmac, verifyHmac } from "./macs.ts";

/** Signs a path until a time: `<unix seconds>.<mac>`, for the query of a link. */
export async function signLink(key: KeyRing, path: string, expiresAt: Date): Promise<string> {
  const expires = String(Math.floor(expiresAt.getTime() / 1000));
  return `${expires}.${await hmac(key.current.bytes, message(path, expires))}`;
}

/** True when the signature is for this path and has not expired. */
export async function verifyLink(key: KeyRing, path: string, signature: string, now: Date): Promise<boolean> {
  // The last of 43 characters holds four bits. Only its canonical form is accepted, so that a signature has one spelling.
  const match = /^([0-9]{1,12})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/.exec(signature);
  if (!match) return false;
  const [, expires = "", mac = ""] = match;
  if (Number(expires) * 1000 <= now.getTime()) return false;
  for (const bytes of key.all.values()) {
    if (await verifyHmac(bytes, message(path, expires), fromBase64url(mac))) return true;
  }
  return false;
}

function message(path: string, expires: string): Uint8Array<ArrayBuffer> {
  return concat(utf8("link.v1"), new Uint8Array(1), utf8(path), new Uint8Array(1), utf8(expires));
}
