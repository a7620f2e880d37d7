import type { CacheStore } from "@whiskeysockets/baileys";
import { createBoundedMap } from "../bounded-map.ts";

/** What a session's sockets share; Baileys' own caches are unbounded, die with the socket and keep timers. */
export interface SocketCaches {
  /**
   * Devices of each person. Whenever an entry lapses the next send rebuilds the Signal session, whose record keeps up
   * to 40 old ones: 35 KB in place of 0.9. Baileys follows device changes by notification, so a day is not too long.
   */
  userDevices: CacheStore;
  retries: CacheStore;
  callOffers: CacheStore;
  placeholders: CacheStore;
}

const minute = 60_000;

export function createSocketCaches(): SocketCaches {
  return {
    userDevices: cacheStore(5000, 24 * 60 * minute),
    retries: cacheStore(2000, 60 * minute),
    callOffers: cacheStore(200, 5 * minute),
    placeholders: cacheStore(500, 60 * minute),
  };
}

function cacheStore(max: number, ttlMs: number): CacheStore {
  const cache = createBoundedMap<unknown>(max, ttlMs);
  return {
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the interface is Baileys' own
    get: <T>(key: string) => cache.get(key) as T | undefined,
    set: (key, value) => cache.set(key, value),
    del: (key) => cache.delete(key),
    flushAll: () => cache.clear(),
  };
}
