import { AppError, type Scope } from "@sandi/contracts";
import { hashApiKey, isWellFormedApiKey } from "@sandi/crypto";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { KnownKey } from "../db/schema.ts";
import { touchKey } from "../keys/repository.ts";
import { findKeyFor } from "../keys/strangers.ts";
import type { Limit } from "../limits/limit.ts";
import { refuseSpent, takeLimits } from "../limits/limits.ts";
import { changeLimit } from "../limits/named.ts";
import { remember } from "../remember.ts";
import type { Services } from "../services.ts";
import { isAmong } from "./addresses.ts";
import type { AppEnv } from "./app-env.ts";

/** How long a cached key is good for sends, checks and reads. Changes check the key again in their batch (`writeAs`). */
const cacheMs = 60_000;
const cacheSize = 1_000;
const touchEveryMs = 60_000;

/** Requires an API key with one of these scopes, sets `c.var.key`, and takes from the limits of every request. */
export function authenticate(...anyOf: [Scope, ...Scope[]]) {
  return authenticateWithin(() => [], ...anyOf);
}

/** The same, and takes from further limits as well. */
export function authenticateWithin(limitsOf: (key: KnownKey) => Limit[], ...anyOf: [Scope, ...Scope[]]) {
  return metered((c, key) => [...changeLimits(c, anyOf), ...limitsOf(key)], anyOf);
}

/** The same for a POST that only reads: it writes no audit entry, so it does not count as a change. */
export function authenticateToRead(limitsOf: (key: KnownKey) => Limit[], ...anyOf: [Scope, ...Scope[]]) {
  return metered((_, key) => limitsOf(key), anyOf);
}

function metered(limitsOf: (c: Context<AppEnv>, key: KnownKey) => Limit[], anyOf: readonly [Scope, ...Scope[]]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const key = await identify(c);
    await takeLimits(c, hasOne(key, anyOf) ? limitsOf(c, key) : []);
    requireOne(key, anyOf);
    await next();
  });
}

/**
 * The same, but the handler takes from the limits, together with those that depend on the body. When the key's limit is
 * used up the body is not read.
 */
export function authenticateUnmetered(...anyOf: [Scope, ...Scope[]]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const key = await identify(c);
    if (!hasOne(key, anyOf)) await takeLimits(c);
    requireOne(key, anyOf);
    await next();
    if (c.get("isMetered")) return;
    // It ended before the handler came to its limits: for its body, say, or as a repetition.
    const answered = c.res;
    // A refusal must not inherit the answer's headers.
    c.res = undefined;
    await takeLimits(c);
    c.res = answered;
  });
}

/** Whose the request is. A key that is used from elsewhere takes nothing from its owner's limit. */
async function identify(c: Context<AppEnv>): Promise<KnownKey> {
  const address = c.req.header("cf-connecting-ip") ?? "";
  const key = await knownKey(c.env.services, c.req.header("authorization"), address);
  refuseAddress(key, address);
  c.set("key", key);
  refuseSpent(c);
  return key;
}

/** Each change of the workspace is a row of the audit log. Deletions are not counted: each needs an earlier create. */
const changeLimits = (c: Context<AppEnv>, anyOf: readonly Scope[]): Limit[] =>
  ["POST", "PUT", "PATCH"].includes(c.req.method) && anyOf.every((scope) => scope.endsWith(":manage"))
    ? [changeLimit(c.var.key)]
    : [];

const hasOne = ({ scopes }: KnownKey, anyOf: readonly Scope[]) => anyOf.some((scope) => scopes.has(scope));

function requireOne(key: KnownKey, anyOf: readonly Scope[]): void {
  if (hasOne(key, anyOf)) return;
  throw new AppError("insufficient-scope", { detail: `The key needs the scope ${anyOf.join(" or ")}.` });
}

/** Behind `authenticate`, for what lives at a connector: nothing that a test key asks for may reach one. */
export const liveOnly = createMiddleware<AppEnv>(async (c, next) => {
  if (c.var.key.environment === "test") {
    throw new AppError("test-keys-not-supported", {
      detail: "The sandbox has none of these: use a key `sandi_live_…`.",
    });
  }
  await next();
});

/** Cloudflare sets the header and lets nobody else set it; without it no address is known, hence none is allowed. */
function refuseAddress({ ipAllowList }: KnownKey, address: string): void {
  if (ipAllowList.length === 0 || isAmong(address, ipAllowList)) return;
  throw new AppError("address-not-allowed", { detail: "The key's list of addresses does not have this one." });
}

async function knownKey(services: Services, header: string | undefined, address: string): Promise<KnownKey> {
  const text = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (text === undefined) {
    throw new AppError("unauthenticated", { detail: "Send the key as `Authorization: Bearer sandi_live_…`." });
  }
  if (!isWellFormedApiKey(text)) throw new AppError("unauthenticated", { detail: "This is not a Sandi API key." });
  const hash = await hashApiKey(text);
  const { keyCache } = services;
  const now = services.now().getTime();
  const cached = keyCache.get(hash);
  let key = cached && cached.until > now ? cached.key : undefined;
  if (!key) {
    keyCache.delete(hash);
    key = await findKeyFor(services, { hash, address, wasKnown: cached !== undefined });
    if (!key) throw new AppError("unauthenticated", { detail: "The key is unknown or was revoked." });
    remember(keyCache, [hash, { key, until: now + cacheMs }], cacheSize);
  }
  if (key.expiresAt !== null && key.expiresAt <= now) {
    throw new AppError("unauthenticated", { detail: "The key has expired." });
  }
  if (key.lastUsedAt === null || key.lastUsedAt + touchEveryMs <= now) {
    key.lastUsedAt = now;
    services.waitUntil(
      touchKey(services.db, key.workspaceId, { id: key.id, now, since: now - touchEveryMs }).catch((error: unknown) =>
        services.log("a key's last use was not noted", error),
      ),
    );
  }
  return key;
}
