import { base64url, fromBase64url, type Random } from "./bytes.ts";

/** Symmetric keys by id. The first is the current one. The others are accepted during a rotation. */
export interface KeyRing {
  readonly current: { readonly kid: string; readonly bytes: Uint8Array<ArrayBuffer> };
  readonly all: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Parses `kid:base64url[,kid:base64url…]`: each key has 32 bytes, and the current one is first.
 * Throws an `Error` that never shows the key.
 */
export function createKeyRing(text: string): KeyRing {
  const all = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of text.split(",")) {
    const [kid, encoded, ...rest] = entry.trim().split(":");
    if (!kid || !encoded || rest.length > 0 || !/^[A-Za-z0-9_-]{1,32}$/.test(kid)) {
      throw new Error("keys must read kid:base64url[,kid:base64url…]");
    }
    if (all.has(kid)) throw new Error(`key id ${kid} is there twice`);
    const bytes = decode(encoded);
    if (bytes?.length !== 32) throw new Error(`key ${kid} must be 32 bytes in base64url`);
    all.set(kid, bytes);
  }
  const [first] = all;
  if (!first) throw new Error("at least one key is needed");
  return { current: { kid: first[0], bytes: first[1] }, all };
}

/** Makes a new key in the form that `createKeyRing` parses. */
export function generateKeyText(kid: string, random: Random): string {
  return `${kid}:${base64url(random(32))}`;
}

function decode(encoded: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64url(encoded);
  } catch {
    return undefined;
  }
}
