import { AppError, type Scope } from "@sandi/contracts";
import { hashApiKey, isWellFormedApiKey } from "@sandi/crypto";
import { createMiddleware } from "hono/factory";
import type { KnownKey } from "../db/schema.ts";
import { findKey, touchKey } from "../keys/repository.ts";
import type { Services } from "../services.ts";
import type { AppEnv } from "./app-env.ts";

const cacheMs = 60_000;
const cacheSize = 1_000;
const touchEveryMs = 60_000;

/** Lets a request through whose API key has one of these scopes, and tells whose it is. */
export function authenticate(...anyOf: [Scope, ...Scope[]]) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { services } = c.env;
    const key = await knownKey(services, c.req.header("authorization"));
    // Nothing that a test key asks for may reach a connector, and there is no sandbox yet.
    if (key.environment === "test") {
      throw new AppError("test-keys-not-supported", { detail: "There is no sandbox yet: use a key `sandi_live_…`." });
    }
    if (!anyOf.some((scope) => key.scopes.has(scope))) {
      throw new AppError("insufficient-scope", { detail: `The key needs the scope ${anyOf.join(" or ")}.` });
    }
    c.set("key", key);
    await next();
  });
}

async function knownKey(services: Services, header: string | undefined): Promise<KnownKey> {
  const text = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (text === undefined) {
    throw new AppError("unauthenticated", { detail: "Send the key as `Authorization: Bearer sandi_live_…`." });
  }
  if (!isWellFormedApiKey(text)) throw new AppError("unauthenticated", { detail: "This is not a Sandi API key." });
  const hash = await hashApiKey(text);
  const { keyCache, db } = services;
  const now = services.now().getTime();
  const cached = keyCache.get(hash);
  let key = cached && cached.until > now ? cached.key : undefined;
  if (!key) {
    keyCache.delete(hash);
    key = await findKey(db, hash);
    if (!key) throw new AppError("unauthenticated", { detail: "The key is unknown or was revoked." });
    if (keyCache.size >= cacheSize) keyCache.delete(keyCache.keys().next().value ?? "");
    keyCache.set(hash, { key, until: now + cacheMs });
  }
  if (key.expiresAt !== null && key.expiresAt <= now) {
    throw new AppError("unauthenticated", { detail: "The key has expired." });
  }
  if (key.lastUsedAt === null || key.lastUsedAt + touchEveryMs <= now) {
    key.lastUsedAt = now;
    services.waitUntil(
      touchKey(db, key.workspaceId, { id: key.id, now, since: now - touchEveryMs }).catch((error: unknown) =>
        services.log("a key's last use was not noted", error),
      ),
    );
  }
  return key;
}
