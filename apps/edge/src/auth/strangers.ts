import { AppError } from "@sandi/contracts";
import { networkOf } from "../rate-limits/network.ts";
import { remember } from "../remember.ts";
import type { Services } from "../services.ts";
import { findKey, type CallingKey } from "./calling-key.ts";

/**
 * Different unknown keys that one network may try in a minute, because each costs a look-up in the database. No app has
 * so many wrong keys. Against guessing the limit is not needed: keys have 178 random bits. Each isolate counts for itself.
 */
const triesPerMinute = 30;
const minuteMs = 60_000;
/** Networks, and unknown keys, that an isolate remembers. */
const mostRemembered = 1_000;

interface Asked {
  hash: string;
  /** The caller's address; if it is empty nothing is counted. */
  address: string;
  /** The database knew the key at this isolate's last look-up: others on its network cannot lock it out. */
  wasKnown: boolean;
}

/** Looks up a key in the database. Throws `rate-limited` when a network tries too many unknown keys. */
export async function findKeyFor(
  services: Services,
  { hash, address, wasKnown }: Asked,
): Promise<CallingKey | undefined> {
  const { db, strangers } = services;
  const now = services.now().getTime();
  if ((strangers.unknown.get(hash) ?? 0) > now) return undefined;
  const counted = wasKnown || address === "" ? undefined : countTry(strangers, networkOf(address), now);
  const key = await findKey(db, hash);
  if (!key) remember(strangers.unknown, [hash, now + minuteMs], mostRemembered);
  else if (counted) counted.count--;
  return key;
}

/** Counts before the look-up: otherwise requests at the same time would all pass. */
function countTry({ tries }: Services["strangers"], network: string, now: number): { count: number } {
  const known = tries.get(network);
  const entry = known && known.until > now ? known : { count: 0, until: now + minuteMs };
  if (entry !== known) remember(tries, [network, entry], mostRemembered);
  if (entry.count >= triesPerMinute) {
    throw new AppError("rate-limited", {
      retryAfter: Math.max(1, Math.ceil((entry.until - now) / 1000)),
      detail: "Too many unknown API keys came from this network.",
    });
  }
  entry.count++;
  return entry;
}
