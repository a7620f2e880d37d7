import { AppError, Scope } from "@sandi/contracts";
import { hashApiKey, isWellFormedApiKey } from "@sandi/crypto";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { findApiKey, touchApiKey } from "../keys/repository.ts";
import type { Services } from "../services.ts";
import type { AppEnv, Caller } from "./env.ts";

interface Known extends Caller {
  hash: string;
  expiresAt: number | null;
  knownUntil: number;
  touchAfter: number;
}

const cacheMs = 60_000;
const cacheSize = 1_000;
/** Per isolate and database: a key that was withdrawn works for at most another minute. */
const caches = new WeakMap<object, Map<string, Known>>();
const Scopes = z.array(Scope);

/** Lets a request through whose API key is known and has one of these scopes. */
export function authenticated(...anyOf: [Scope, ...Scope[]]): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { services } = c.var;
    const key = /^Bearer ([!-~]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (key === undefined) throw new AppError("unauthenticated", { detail: "send the header Authorization: Bearer sandi_…" });
    if (!isWellFormedApiKey(key)) throw new AppError("unauthenticated", { detail: "this is not an API key; was it cut off?" });
    const caller = await knownCaller(services, await hashApiKey(key));
    if (!caller) throw new AppError("unauthenticated", { detail: "the API key is unknown, has expired or was withdrawn" });
    if (!anyOf.some((scope) => caller.scopes.has(scope))) {
      throw new AppError("insufficient-scope", { detail: `the API key needs the scope ${anyOf.join(" or ")}` });
    }
    c.set("caller", caller);
    return next();
  };
}

async function knownCaller(services: Services, hash: string): Promise<Caller | undefined> {
  const now = services.now().getTime();
  const cache = cacheOf(services.peppers);
  let known = cache.get(hash);
  if (!known || known.knownUntil <= now) {
    cache.delete(hash);
    known = await lookUp(services, hash, now);
    if (!known) return undefined;
    if (cache.size >= cacheSize) cache.delete(cache.keys().next().value ?? "");
    cache.set(hash, known);
  }
  if (known.expiresAt !== null && known.expiresAt <= now) return undefined;
  if (known.touchAfter <= now) {
    known.touchAfter = now + cacheMs;
    services.afterwards(touchApiKey(services.db, known.workspaceId, { id: known.keyId, at: now }));
  }
  return known;
}

async function lookUp({ db }: Services, hash: string, now: number): Promise<Known | undefined> {
  const row = await findApiKey(db, hash);
  if (!row || row.revokedAt !== null) return undefined;
  return {
    hash,
    workspaceId: row.workspaceId,
    workspaceName: row.workspaceName,
    keyId: row.id,
    scopes: new Set(Scopes.parse(JSON.parse(row.scopes))),
    isTest: row.environment === "test",
    expiresAt: row.expiresAt,
    knownUntil: now + cacheMs,
    touchAfter: (row.lastUsedAt ?? 0) + cacheMs,
  };
}

function cacheOf(scope: object): Map<string, Known> {
  let cache = caches.get(scope);
  if (!cache) caches.set(scope, (cache = new Map()));
  return cache;
}
