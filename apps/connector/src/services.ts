import { createId, type IdPrefix } from "@sandi/contracts";
import { type Random, webRandom } from "@sandi/crypto";

/** Time, randomness and network; tests replace all of it. */
export interface Services {
  now: () => Date;
  random: Random;
  /** Uniform in [0, 1); for jitter only. */
  chance: () => number;
  newId: (prefix: IdPrefix) => string;
  fetch: typeof fetch;
  /** Runs a function later; returns a function that cancels it. */
  after: (ms: number, run: () => void) => () => void;
  /** WhatsApp Web's current version; null when it cannot be fetched. */
  fetchVersion: () => Promise<ClientVersion | null>;
}

export type ClientVersion = [number, number, number];

/** Random bytes from a pool: a few bytes from the system cost 20 µs each time. No byte is used twice. */
function pooledRandom(): Random {
  const size = 8192;
  let pool = webRandom(size);
  let used = 0;
  return (length) => {
    if (length > 256) return webRandom(length);
    if (used + length > size) {
      pool = webRandom(size);
      used = 0;
    }
    const bytes = pool.slice(used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  };
}

const random = pooledRandom();

export const systemServices: Omit<Services, "fetchVersion"> = {
  now: () => new Date(),
  random,
  chance: Math.random,
  newId: (prefix) => createId(prefix, new Date(), random(10)),
  fetch: (...request) => fetch(...request),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after the time. */
export function sleep({ after }: Pick<Services, "after">, ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve));
}
