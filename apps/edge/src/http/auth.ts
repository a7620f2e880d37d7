import { AppError, type Scope } from "@sandi/contracts";
import { hashApiKey, isWellFormedApiKey } from "@sandi/crypto";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Actor } from "../actor.ts";
import { touchKey } from "../keys/repository.ts";
import { findKeyFor } from "../keys/strangers.ts";
import type { Limit } from "../limits/limit.ts";
import { refuseSpent, takeLimits } from "../limits/limits.ts";
import { remember } from "../remember.ts";
import type { Services } from "../services.ts";
import { isAmong } from "./addresses.ts";
import type { AppEnv } from "./app-env.ts";

/** How long a cached key is good for sends, checks and reads. Changes check the key again in their batch (`writeAs`). */
const cacheMs = 60_000;
const cacheSize = 1_000;
const touchEveryMs = 60_000;

/** Requires an API key with one of these scopes, sets `c.var.ctx`, and takes from the limits of every request and from these. */
export function authenticate(anyOf: readonly Scope[], limitsOf: (actor: Actor) => Limit[]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const actor = await identify(c);
    await takeLimits(c, hasOne(actor, anyOf) ? limitsOf(actor) : []);
    requireOne(actor, anyOf);
    await next();
  });
}

/**
 * The same, but the operation takes from the limits, together with those that depend on the input. When the key's limit
 * is used up the body is not read.
 */
export function authenticateUnmetered(anyOf: readonly Scope[]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const actor = await identify(c);
    if (!hasOne(actor, anyOf)) await takeLimits(c);
    requireOne(actor, anyOf);
    await next();
    if (c.get("isMetered")) return;
    // It ended before the operation came to its limits: for its body, say, or as a repetition.
    const answered = c.res;
    // A refusal must not inherit the answer's headers.
    c.res = undefined;
    await takeLimits(c);
    c.res = answered;
  });
}

/** Whose the request is. A key that is used from elsewhere takes nothing from its owner's limit. */
async function identify(c: Context<AppEnv>): Promise<Actor> {
  const address = c.req.header("cf-connecting-ip") ?? "";
  const { services } = c.env;
  const actor = await actingKey(services, c.req.header("authorization"), address);
  refuseAddress(actor, address);
  c.set("ctx", { services, actor, trace: c.var.trace, requestId: c.var.requestId });
  refuseSpent(c);
  return actor;
}

const hasOne = ({ scopes }: Actor, anyOf: readonly Scope[]) => anyOf.some((scope) => scopes.has(scope));

function requireOne(actor: Actor, anyOf: readonly Scope[]): void {
  if (hasOne(actor, anyOf)) return;
  throw new AppError("insufficient-scope", { detail: `The key needs the scope ${anyOf.join(" or ")}.` });
}

/** Behind `authenticate`, for what lives at a connector: nothing that a test key asks for may reach one. */
export const liveOnly = createMiddleware<AppEnv>(async (c, next) => {
  if (c.var.ctx.actor.environment === "test") {
    throw new AppError("test-keys-not-supported", {
      detail: "The sandbox has none of these: use a key `sandi_live_…`.",
    });
  }
  await next();
});

/** Cloudflare sets the header and lets nobody else set it; without it no address is known, hence none is allowed. */
function refuseAddress({ ipAllowList }: Actor, address: string): void {
  if (ipAllowList.length === 0 || isAmong(address, ipAllowList)) return;
  throw new AppError("address-not-allowed", { detail: "The key's list of addresses does not have this one." });
}

async function actingKey(services: Services, header: string | undefined, address: string): Promise<Actor> {
  const text = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (text === undefined) {
    throw new AppError("unauthenticated", { detail: "Send the key as `Authorization: Bearer sandi_live_…`." });
  }
  if (!isWellFormedApiKey(text)) throw new AppError("unauthenticated", { detail: "This is not a Sandi API key." });
  const hash = await hashApiKey(text);
  const { keyCache } = services;
  const now = services.now().getTime();
  const cached = keyCache.get(hash);
  let key = cached && cached.until > now ? cached : undefined;
  if (!key) {
    keyCache.delete(hash);
    const found = await findKeyFor(services, { hash, address, wasKnown: cached !== undefined });
    if (!found) throw new AppError("unauthenticated", { detail: "The key is unknown or was revoked." });
    key = { ...found, until: now + cacheMs };
    remember(keyCache, [hash, key], cacheSize);
  }
  const { actor } = key;
  if (actor.expiresAt !== null && actor.expiresAt <= now) {
    throw new AppError("unauthenticated", { detail: "The key has expired." });
  }
  if (key.lastUsedAt === null || key.lastUsedAt + touchEveryMs <= now) {
    key.lastUsedAt = now;
    services.waitUntil(
      touchKey(services.db, actor.workspaceId, { id: actor.by.id, now, since: now - touchEveryMs }).catch(
        (error: unknown) => services.log("a key's last use was not noted", error),
      ),
    );
  }
  return actor;
}
