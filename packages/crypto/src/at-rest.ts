import { base64url, concat, fromBase64url, type Random, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";

/** The place of a sealed value. A value that was moved to another place does not open. */
export interface AtRestContext {
  table: string;
  column: string;
  /** The row's id. */
  id: string;
}

/** Encrypts the database values of one owner: a workspace or a session. */
export interface AtRest {
  seal(plaintext: Uint8Array<ArrayBuffer>, context: AtRestContext): Promise<string>;
  /** Rejects when the value was changed or moved, or when its key is not configured any more. */
  open(sealed: string, context: AtRestContext): Promise<Uint8Array<ArrayBuffer>>;
  /** True when the value was sealed under a key that is not the current one. */
  isStale(sealed: string): boolean;
}

/**
 * Seals with AES-256-GCM as `v1.<kid>.<iv>.<ciphertext>`. The key is derived for the owner by HKDF-SHA-256. Table, column,
 * id and owner are authenticated with the value.
 */
export function atRest(keys: KeyRing, owner: string, random: Random): AtRest {
  const derived = new Map<string, Promise<CryptoKey>>();

  function keyOf(kid: string): Promise<CryptoKey> {
    const bytes = keys.all.get(kid);
    if (!bytes) return Promise.reject(new Error(`sealed under key ${kid}, which is not configured`));
    let key = derived.get(kid);
    if (!key) derived.set(kid, (key = derive(bytes, owner)));
    return key;
  }

  return {
    async seal(plaintext, context) {
      const { kid } = keys.current;
      const iv = random(12);
      const ciphertext = await crypto.subtle.encrypt(parameters(iv, owner, context), await keyOf(kid), plaintext);
      return `v1.${kid}.${base64url(iv)}.${base64url(new Uint8Array(ciphertext))}`;
    },
    async open(sealed, context) {
      const [version, kid, iv, ciphertext, ...rest] = sealed.split(".");
      if (version !== "v1" || !kid || !iv || !ciphertext || rest.length > 0) throw new Error("not a sealed value");
      const plaintext = await crypto.subtle.decrypt(
        parameters(fromBase64url(iv), owner, context),
        await keyOf(kid),
        fromBase64url(ciphertext),
      );
      return new Uint8Array(plaintext);
    },
    isStale: (sealed) => !sealed.startsWith(`v1.${keys.current.kid}.`),
  };
}

async function derive(bytes: Uint8Array<ArrayBuffer>, owner: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`sandi.at-rest.v1 ${owner}`) },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

function parameters(iv: Uint8Array<ArrayBuffer>, owner: string, { table, column, id }: AtRestContext) {
  const zero = new Uint8Array(1);
  const additionalData = concat(utf8(table), zero, utf8(column), zero, utf8(id), zero, utf8(owner));
  return { name: "AES-GCM", iv, additionalData };
}
