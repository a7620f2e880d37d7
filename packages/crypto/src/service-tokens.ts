import { type CryptoKey as JoseKey, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from "jose";
import { base64url, type Random, sha256, utf8 } from "./bytes.ts";
import { readJwk } from "./sealing.ts";

/** The one request that a token is valid for. */
export interface ServiceRequest {
  method: string;
  /** The path without query. */
  path: string;
  /** The raw body. For a body that is streamed: a text with its SHA-256, which the receiver compares at the end. */
  body: string;
}

/** Signs one request. The token is valid for 60 s. */
export type TokenSigner = (request: ServiceRequest) => Promise<string>;

/** Returns the token's `jti` and expiry, for a replay guard; rejects a token that is not for this request. */
export type TokenVerifier = (token: string, request: ServiceRequest) => Promise<{ jti: string; expiresAt: Date }>;

const algorithm = "EdDSA";
export const lifetimeSeconds = 60;
const clockToleranceSeconds = 5;

export interface SignerOptions {
  /** JSON text of an Ed25519 private JWK with a `kid`. */
  privateJwk: string;
  issuer: string;
  audience: string;
  now: () => Date;
  random: Random;
}

interface VerifierOptions {
  /** JSON text of an Ed25519 public JWK with a `kid`. */
  publicJwk: string;
  issuer: string;
  audience: string;
  now: () => Date;
}

/** Makes Ed25519 JWTs that hold the method, the path and the SHA-256 of the body. Each direction has its own key pair. */
export function createTokenSigner({ privateJwk, issuer, audience, now, random }: SignerOptions): TokenSigner {
  const jwk = readJwk(privateJwk);
  let key: Promise<JoseKey> | undefined;
  return async (request) => {
    key ??= importKey(jwk);
    const issuedAt = Math.floor(now().getTime() / 1000);
    return new SignJWT(await bindings(request))
      .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(jwk.kid ? { kid: jwk.kid } : {}) })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .setJti(base64url(random(16)))
      .sign(await key);
  };
}

/** Verifies tokens of the other side. Algorithm and `kid` are fixed and never read from the token. */
export function createTokenVerifier({ publicJwk, issuer, audience, now }: VerifierOptions): TokenVerifier {
  const jwk = readJwk(publicJwk);
  let key: Promise<JoseKey> | undefined;
  return async (token, request) => {
    key ??= importKey(jwk);
    const { payload, protectedHeader } = await jwtVerify(token, await key, {
      algorithms: [algorithm],
      issuer,
      audience,
      currentDate: now(),
      clockTolerance: clockToleranceSeconds,
      maxTokenAge: lifetimeSeconds,
      requiredClaims: ["exp", "iat", "jti", "method", "path", "body"],
    });
    if (protectedHeader.kid !== jwk.kid) throw new Error("the token names another key");
    const expected = await bindings(request);
    if (
      payload["method"] !== expected.method ||
      payload["path"] !== expected.path ||
      payload["body"] !== expected.body
    ) {
      throw new Error("the token is for another request");
    }
    return { jti: String(payload.jti), expiresAt: new Date((payload.exp ?? 0) * 1000) };
  };
}

/** A new key pair as JSON texts: the private one signs on one side, the public one verifies on the other. */
export async function generateTokenKeys(kid: string): Promise<{ publicJwk: string; privateJwk: string }> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: "Ed25519", extractable: true });
  return {
    publicJwk: JSON.stringify({ ...(await exportJWK(publicKey)), kid }),
    privateJwk: JSON.stringify({ ...(await exportJWK(privateKey)), kid }),
  };
}

async function bindings({ method, path, body }: ServiceRequest) {
  return { method: method.toUpperCase(), path, body: base64url(await sha256(utf8(body))) };
}

async function importKey(jwk: ReturnType<typeof readJwk>): Promise<JoseKey> {
  if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519") throw new Error("a token key must be an Ed25519 JWK");
  const key = await importJWK(jwk, algorithm);
  if (key instanceof Uint8Array) throw new Error("a token key must be an Ed25519 JWK");
  return key;
}
