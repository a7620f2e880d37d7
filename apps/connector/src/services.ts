import { createId, type IdPrefix } from "@sandi/contracts";
import { type Random, webRandom } from "@sandi/crypto";

/** What the process takes from the world around it; tests replace it whole. */
export interface Services {
  now(): Date;
  random: Random;
  /** Uniform in [0, 1); for jitter only. */
  chance(): number;
  newId(prefix: IdPrefix): string;
  fetch: typeof fetch;
  /** Runs a function later; answers how to cancel it. */
  after(ms: number, run: () => void): () => void;
  /** WhatsApp Web's current version, or null when it cannot be had. */
  fetchVersion(): Promise<ClientVersion | null>;
}

export type ClientVersion = [number, number, number];

export const systemServices: Omit<Services, "fetchVersion"> = {
  now: () => new Date(),
  random: webRandom,
  chance: Math.random,
  newId: (prefix) => createId(prefix, new Date(), webRandom(10)),
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
