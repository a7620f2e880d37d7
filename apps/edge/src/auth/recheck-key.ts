import { AppError } from "@sandi/contracts";
import type { Actor } from "../actor.ts";
import type { Services } from "../services.ts";
import { findActor } from "./find-actor.ts";

/** The key of a request that lasts. */
export interface UsedKey {
  /** The `Authorization` header. */
  header: string;
  hash: string;
  /** The caller's address. */
  address: string;
}

/** A key is looked up again before its cached copy is a minute old. */
const earlyMs = 5_000;

const asText = (scopes: ReadonlySet<string>) => [...scopes].toSorted().join(" ");

/** Whether the key of a request that lasts still works and has the same scopes. A change counts within a minute. */
export async function isStillValid(services: Services, actor: Actor, key: UsedKey): Promise<boolean> {
  const { keyCache } = services;
  const at = services.now().getTime();
  const cached = keyCache.get(key.hash);
  const isFresh = cached !== undefined && cached.until > at + earlyMs;
  const isExpired = actor.expiresAt !== null && actor.expiresAt <= at;
  if (isFresh && cached.actor === actor && !isExpired) return true;
  if (cached && !isFresh) cached.until = at;
  try {
    const { scopes, environment } = await findActor(services, key.header, key.address);
    return environment === actor.environment && asText(scopes) === asText(actor.scopes);
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
