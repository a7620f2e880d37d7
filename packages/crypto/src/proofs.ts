import { type CryptoKey as JoseKey, importJWK, type JWK, SignJWT } from "jose";
import { base64url, type Random } from "./bytes.ts";
import { readJwk } from "./sealing.ts";

/** The claims of a proof: a verification was approved with a code that only its user received. */
export interface Proof {
  /** The workspace that uses the proof. */
  audience: string;
  verificationId: string;
  /** Further claims, such as `purpose`. */
  claims: Record<string, unknown>;
}

/** Signs a proof: an EdDSA JWT that is valid for five minutes. */
export type ProofSigner = (proof: Proof) => Promise<string>;

export interface ProofKeys {
  sign: ProofSigner;
  /** The public keys with the retired ones, as served at `/.well-known/jwks.json`. */
  jwks: { keys: JWK[] };
}

const algorithm = "EdDSA";
const lifetimeSeconds = 300;

interface Options {
  /** JSON text of an Ed25519 private JWK with a `kid`. */
  privateJwk: string;
  /** JSON text of an array of the public JWKs that signed before. */
  retiredJwks?: string | undefined;
  issuer: string;
  now: () => Date;
  random: Random;
}

/** Throws when a key is not an Ed25519 JWK with a `kid`. */
export function createProofSigner({ privateJwk, retiredJwks, issuer, now, random }: Options): ProofKeys {
  const jwk = readJwk(privateJwk);
  const retired = retiredJwks === undefined ? [] : (JSON.parse(retiredJwks) as JWK[]);
  const keys = [jwk, ...retired].map(publicPart);
  let key: Promise<JoseKey | Uint8Array> | undefined;
  return {
    jwks: { keys },
    async sign({ audience, verificationId, claims }) {
      key ??= importJWK(jwk, algorithm);
      const issuedAt = Math.floor(now().getTime() / 1000);
      return new SignJWT(claims)
        .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: jwk.kid ?? "" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(verificationId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .setJti(base64url(random(16)))
        .sign(await key);
    },
  };
}

/** Copies field by field, so that no private part is published. */
function publicPart({ kty, crv, x, kid }: JWK): JWK {
  if (kty !== "OKP" || crv !== "Ed25519" || !x || !kid)
    throw new Error("a proof key must be an Ed25519 JWK with a kid");
  return { kty, crv, x, kid, use: "sig", alg: algorithm };
}
