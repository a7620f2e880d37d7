import type { CacheStore } from "@whiskeysockets/baileys";
import { type BoundedMap, createSharedBound } from "../bounded-map.ts";

/** Caches that a session's sockets share. Baileys' own caches have no bound, keep timers and end with the socket. */
export interface SocketCaches {
  /**
   * Devices of each person. When an entry expires, the next send creates a new Signal session, and the record keeps up to
   * 40 old ones: 35 KB instead of 0.9. WhatsApp notifies of device changes, so a day is not too long.
   */
  userDevices: CacheStore;
  retries: CacheStore;
  callOffers: CacheStore;
  placeholders: CacheStore;
}

const minute = 60_000;

/** These bounds are shared by all sessions: a thousand idle sessions need no more than one busy session. */
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
