import { AppError } from "@sandi/contracts";
import { hashApiKey, isWellFormedApiKey } from "@sandi/crypto";
import type { Actor } from "../actor.ts";
import { isAmong } from "../addresses.ts";
import { remember } from "../remember.ts";
import type { Services } from "../services.ts";
import { touchKey } from "./calling-key.ts";
import { findKeyFor } from "./unknown-keys.ts";

/** How long a cached key is valid for sends, checks and reads. Changes check the key again in their batch (`commitAs`). */
const cacheMs = 60_000;
const cacheSize = 1_000;
const touchEveryMs = 60_000;

/**
 * The actor of an `Authorization` header, from the cache or the database.
 * @throws `unauthenticated`, `address-not-allowed`, `rate-limited`
 */
export async function findActor(services: Services, header: string | undefined, address: string): Promise<Actor> {
  const text = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (text === undefined) {
    throw new AppError("unauthenticated", { detail: "Send the key as `Authorization: Bearer sandi_live_…`." });
  }
  const hash = await hashApiKey(text);
  const { keyCache } = services;
  const now = services.now().getTime();
  const cached = keyCache.get(hash);
  let key = cached && cached.until > now ? cached : undefined;
  if (!key) {
    // A key in the cache is well-formed.
    if (!isWellFormedApiKey(text)) throw new AppError("unauthenticated", { detail: "This is not a Sandi API key." });
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
        (error: unknown) => services.log("a key's last use was not stored", error),
      ),
    );
  }
  refuseAddress(actor, address);
  return actor;
}

/** Only Cloudflare sets the header with the address. Without it the address is empty, which no list allows. */
function refuseAddress({ ipAllowList }: Actor, address: string): void {
  if (ipAllowList.length === 0 || isAmong(address, ipAllowList)) return;
  throw new AppError("address-not-allowed", { detail: "This address is not in the key's list of addresses." });
}
