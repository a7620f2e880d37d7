import { AppError } from "@sandi/contracts";
import { createTokenVerifier } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Config } from "../config.ts";

/** Rejects a request that the edge did not sign, or that was seen before. */
export type CheckToken = (request: Request, path: string, body: string) => Promise<void>;

export function createTokenCheck(
  { edgeTokenPublicKey }: Pick<Config, "edgeTokenPublicKey">,
  now: () => Date,
): CheckToken {
  const verify = createTokenVerifier({
    publicJwk: edgeTokenPublicKey,
    issuer: "sandi-edge",
    audience: "sandi-connector",
    now,
  });
  /** Tokens live 60 s; with clock tolerance none is remembered for too short. */
  const seen = new LRUCache<string, true>({ max: 50_000, ttl: 90_000 });
  return async (request, path, body) => {
    const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme?.toLowerCase() !== "bearer" || !token) throw new AppError("service-token-invalid");
    const { jti } = await verify(token, { method: request.method, path, body }).catch((cause: unknown) => {
      throw new AppError("service-token-invalid", { cause });
    });
    if (seen.has(jti)) throw new AppError("service-token-invalid", { detail: "The token was used before." });
    seen.set(jti, true);
  };
}
