import { AppError } from "@sandi/contracts";
import { createTokenVerifier } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Config } from "../config.ts";
import { spendToken } from "../store/spent-tokens.ts";
import type { Store } from "../store/store.ts";

/** The tokens of the edge's calls: each is good for one of them. */
export interface Tokens {
  /** Rejects a request that the edge did not sign, or that was seen here before. Answers what to spend. */
  check(request: Request, path: string, body: string): Promise<string>;
  /** Rejects a token that was spent, here or at another connector of the database. */
  spend(jti: string): Promise<void>;
}

interface Options {
  config: Pick<Config, "edgeTokenPublicKey">;
  store: Store;
  now: () => Date;
}

/** Tokens live 60 s; with clock tolerance none is remembered for too short. */
const rememberMs = 90_000;

export function createTokens({ config, store, now }: Options): Tokens {
  const verify = createTokenVerifier({
    publicJwk: config.edgeTokenPublicKey,
    issuer: "sandi-edge",
    audience: "sandi-connector",
    now,
  });
  const seen = new LRUCache<string, true>({ max: 50_000, ttl: rememberMs });
  return {
    async check(request, path, body) {
      const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
      if (scheme?.toLowerCase() !== "bearer" || !token) throw new AppError("service-token-invalid");
      const { jti } = await verify(token, { method: request.method, path, body }).catch((cause: unknown) => {
        throw new AppError("service-token-invalid", { cause });
      });
      if (seen.has(jti)) throw usedBefore();
      seen.set(jti, true);
      return jti;
    },
    async spend(jti) {
      if (!(await spendToken(store, jti, new Date(now().getTime() + rememberMs)))) throw usedBefore();
    },
  };
}

const usedBefore = () => new AppError("service-token-invalid", { detail: "The token was used before." });
