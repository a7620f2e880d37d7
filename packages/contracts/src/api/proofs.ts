import { z } from "zod";

/** A public key of `/.well-known/jwks.json` (RFC 7517). */
const Jwk = z.object({
  kty: z.string().max(10).meta({ example: "OKP" }),
  crv: z.string().max(10).meta({ example: "Ed25519" }),
  x: z.string().max(64).meta({ example: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
  kid: z.string().max(64).meta({ example: "k20261121" }),
  use: z.string().max(10).meta({ example: "sig" }),
  alg: z.string().max(10).meta({ example: "EdDSA" }),
});

export const Jwks = z
  .object({ keys: z.array(Jwk).max(10) })
  .meta({ id: "Jwks", description: "The keys that verify proofs: the current key and recent older keys." });
