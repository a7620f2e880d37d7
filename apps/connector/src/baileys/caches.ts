import type { CacheStore } from "@whiskeysockets/baileys";
import { type BoundedMap, createSharedBound } from "../bounded-map.ts";

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

/** Of all sessions together, so that a thousand of them need no more than one that is busy. */
const openUserDevices = createSharedBound<unknown>(100_000, 24 * 60 * minute);
const openRetries = createSharedBound<unknown>(50_000, 60 * minute);
const openCallOffers = createSharedBound<unknown>(5000, 5 * minute);
const openPlaceholders = createSharedBound<unknown>(10_000, 60 * minute);

export function createSocketCaches(): SocketCaches {
  return {
    userDevices: cacheStore(openUserDevices()),
    retries: cacheStore(openRetries()),
    callOffers: cacheStore(openCallOffers()),
    placeholders: cacheStore(openPlaceholders()),
  };
}

function cacheStore(cache: BoundedMap<unknown>): CacheStore {
  return {
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the interface is Baileys' own
    get: <T>(key: string) => cache.get(key) as T | undefined,
    set: (key, value) => cache.set(key, value),
    del: (key) => cache.delete(key),
    flushAll: () => cache.clear(),
  };
}
