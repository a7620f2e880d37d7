import type { IncomingHttpHeaders } from "node:http";
import { AppError } from "@sandi/contracts";
import { createTokenVerifier, type ServiceRequest } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Config } from "../config.ts";
import { spendToken } from "../store/spent-tokens.ts";
import type { Store } from "../store/store.ts";

/** The tokens of the edge's calls: each is good for one of them. */
export interface Tokens {
  /** Rejects a request that the edge did not sign, or that was seen here before. Answers what to spend. */
  check(token: string, request: ServiceRequest): Promise<string>;
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
    async check(token, request) {
      const { jti } = await verify(token, request).catch((cause: unknown) => {
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

const bearer = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** The token that a request carries; throws without one, before its body is read. */
export function tokenIn(headers: IncomingHttpHeaders): string {
  const token = bearer.exec(headers.authorization ?? "")?.[1];
  if (token === undefined) throw new AppError("service-token-invalid");
  return token;
}

const usedBefore = () => new AppError("service-token-invalid", { detail: "The token was used before." });
