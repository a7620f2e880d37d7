import {
  CompactEncrypt,
  compactDecrypt,
  type CryptoKey as JoseKey,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import { utf8 } from "./bytes.ts";

const algorithm = "ECDH-ES";
const encryption = "A256GCM";

/**
 * Seals a value to the owner of the private key. The sealer cannot open it again. `purpose` says what the value is for: it
 * is readable and authenticated with the value, so that a moved value is noticed. Anyone with the public key can seal.
 */
export type Sealer = (value: unknown, purpose: string) => Promise<string>;

/** Opens a sealed value; rejects anything else. The caller checks the value's shape and its purpose. */
export type Unsealer = (sealed: string) => Promise<Unsealed>;

export interface Unsealed {
  value: unknown;
  /** Undefined when the value was sealed before values had a purpose. */
  purpose: string | undefined;
}

/**
 * Seals with JWE (ECDH-ES on P-256, A256GCM). The purpose is the private header parameter `for`, which is not critical:
 * earlier connectors ignore it. @param publicJwk the JSON text of the connector's public sealing key
 */
export function createSealer(publicJwk: string): Sealer {
  const jwk = readJwk(publicJwk);
  let key: Promise<JoseKey> | undefined;
  return async (value, purpose) => {
    key ??= importKey(jwk);
    return new CompactEncrypt(utf8(JSON.stringify(value)))
      .setProtectedHeader({ alg: algorithm, enc: encryption, ...(jwk.kid ? { kid: jwk.kid } : {}), for: purpose })
      .encrypt(await key);
  };
}

/** @param privateJwk the JSON text of the connector's private sealing key */
export function createUnsealer(privateJwk: string): Unsealer {
  const jwk = readJwk(privateJwk);
  let key: Promise<JoseKey> | undefined;
  return async (sealed) => {
    key ??= importKey(jwk);
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, await key, {
      keyManagementAlgorithms: [algorithm],
      contentEncryptionAlgorithms: [encryption],
    });
    const purpose = protectedHeader["for"];
    return {
      value: JSON.parse(new TextDecoder().decode(plaintext)) as unknown,
      purpose: typeof purpose === "string" ? purpose : undefined,
    };
  };
}

/** A new sealing key pair as JSON texts: the public one for the edge, the private one for the connector. */
export async function generateSealingKeys(kid: string): Promise<{ publicJwk: string; privateJwk: string }> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: "P-256", extractable: true });
  return {
    publicJwk: JSON.stringify({ ...(await exportJWK(publicKey)), kid }),
    privateJwk: JSON.stringify({ ...(await exportJWK(privateKey)), kid }),
  };
}

async function importKey(jwk: JWK): Promise<JoseKey> {
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new Error("a sealing key must be an elliptic-curve JWK");
  return key;
}

/** Parses a JWK from the configuration. The error never shows the text. */
export function readJwk(text: string): JWK {
  try {
    const jwk: unknown = JSON.parse(text);
    if (typeof jwk === "object" && jwk !== null && "kty" in jwk) return jwk as JWK;
  } catch {
    // The error below does not show the text.
  }
  throw new Error("a key must be the JSON text of a JWK");
}
