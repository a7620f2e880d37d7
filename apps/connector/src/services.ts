import { createId, type IdPrefix } from "@sandi/contracts";
import { type Random, webRandom } from "@sandi/crypto";

/** What the process takes from the world around it; tests replace it whole. */
export interface Services {
  now: () => Date;
  random: Random;
  /** Uniform in [0, 1); for jitter only. */
  chance: () => number;
  newId: (prefix: IdPrefix) => string;
  fetch: typeof fetch;
  /** Runs a function later; answers how to cancel it. */
  after: (ms: number, run: () => void) => () => void;
  /** WhatsApp Web's current version, or null when it cannot be had. */
  fetchVersion: () => Promise<ClientVersion | null>;
}

export type ClientVersion = [number, number, number];

/** Random bytes by the pool: asking the system for a few at a time costs 20 µs each. No byte is handed out twice. */
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
