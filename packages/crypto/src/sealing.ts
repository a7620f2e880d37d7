import { compactDecrypt, type CryptoKey as JoseKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { base64url, concat, fromBase64url, type Random, sha256, utf8 } from "./bytes.ts";

const algorithm = "ECDH-ES";
const encryption = "A256GCM";
const curve = { name: "ECDH", namedCurve: "P-256" };
/** The first byte of a point whose x and y follow. */
const uncompressed = new Uint8Array([4]);
const tagBytes = 16;

/** How long, and for how many values, an agreed key is used. Each value has its own random IV. */
const agreedForMs = 60_000;
const agreedForSeals = 1_000;

/** What surrounds the shared secret in the hash that makes the agreed key of A256GCM (RFC 7518 §4.6.2, one round). */
export const derivation = {
  before: new Uint8Array([0, 0, 0, 1]),
  behind: concat(new Uint8Array([0, 0, 0, 7]), utf8(encryption), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])),
};

/**
 * Seals a value to the owner of the private key. The sealer cannot open what others sealed, or what it sealed before its
 * current agreement; what it sealed since then could be opened with its memory. `purpose` says what the value is for: it is
 * readable and authenticated with the value, so that a moved value is noticed. Anyone with the public key can seal.
 */
export type Sealer = (value: unknown, purpose: string) => Promise<string>;

/** Opens a sealed value; rejects anything else. The caller checks the value's shape and its purpose. */
export type Unsealer = (sealed: string) => Promise<Unsealed>;

export interface Unsealed {
  value: unknown;
  /** Undefined when the value was sealed before values had a purpose. */
  purpose: string | undefined;
}

/** A key that an ephemeral key pair agreed with the connector's key. The pair's private key is forgotten. */
interface Agreement {
  key: CryptoKey;
  /** The ephemeral public key, with which the connector agrees the same key. */
  epk: { kty: "EC"; crv: "P-256"; x: string; y: string };
  until: number;
  sealsLeft: number;
}

/**
 * Seals with JWE (ECDH-ES on P-256, A256GCM). The purpose is the private header parameter `for`, which is not critical:
 * earlier connectors ignore it. Values of one minute share an agreement, because it takes four fifths of the time.
 * @param publicJwk the JSON text of the connector's public sealing key
 */
export function createSealer(publicJwk: string, { now, random }: { now: () => Date; random: Random }): Sealer {
  const jwk = readJwk(publicJwk);
  const shared = { alg: algorithm, enc: encryption, ...(jwk.kid ? { kid: jwk.kid } : {}) };
  let latest: Agreement | undefined;

  /** Takes one seal of the latest agreement. Not async, so that parallel calls do not use a key too often. */
  function take(): Agreement | undefined {
    if (!latest || latest.sealsLeft === 0 || now().getTime() >= latest.until) return undefined;
    latest.sealsLeft--;
    return latest;
  }

  async function renew(): Promise<Agreement> {
    const until = now().getTime() + agreedForMs;
    // The caller's seal is taken already.
    return (latest = { ...(await agree(jwk)), until, sealsLeft: agreedForSeals - 1 });
  }

  return async (value, purpose) => {
    const agreed = take() ?? (await renew());
    const header = base64url(utf8(JSON.stringify({ ...shared, for: purpose, epk: agreed.epk })));
    const iv = random(12);
    const parameters = { name: "AES-GCM", iv, additionalData: utf8(header) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, agreed.key, utf8(JSON.stringify(value))));
    const [ciphertext, tag] = [sealed.subarray(0, -tagBytes), sealed.subarray(-tagBytes)];
    return `${header}..${base64url(iv)}.${base64url(ciphertext)}.${base64url(tag)}`;
  };
}

async function agree({ crv, x = "", y = "" }: JWK): Promise<Pick<Agreement, "key" | "epk">> {
  if (crv !== "P-256") throw new Error("a sealing key must be a P-256 JWK");
  const { subtle } = crypto;
  const point = concat(uncompressed, fromBase64url(x), fromBase64url(y));
  const theirs = { name: "ECDH", public: await subtle.importKey("raw", point, curve, false, []) };
  const ours = await subtle.generateKey(curve, false, ["deriveBits"]);
  if (!("privateKey" in ours)) throw new TypeError("not a key pair");
  const secret = new Uint8Array(await subtle.deriveBits(theirs, ours.privateKey, 256));
  const derived = await sha256(concat(derivation.before, secret, derivation.behind));
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the Worker's types do not know the format
  const exported = new Uint8Array((await subtle.exportKey("raw", ours.publicKey)) as ArrayBuffer);
  return {
    key: await subtle.importKey("raw", derived, "AES-GCM", false, ["encrypt"]),
    epk: { kty: "EC", crv: "P-256", x: base64url(exported.subarray(1, 33)), y: base64url(exported.subarray(33)) },
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
