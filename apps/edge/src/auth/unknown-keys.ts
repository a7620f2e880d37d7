import { AppError } from "@sandi/contracts";
import { networkOf } from "../rate-limits/network.ts";
import { remember } from "../remember.ts";
import type { Services } from "../services.ts";
import { findKey, type CallingKey } from "./calling-key.ts";

/**
 * Different unknown keys that one network may try in a minute, because each needs a look-up in the database. No app has
 * so many wrong keys. Keys have 178 random bits, so guessing is no risk. Each isolate has its own counts.
 */
const triesPerMinute = 30;
const minuteMs = 60_000;
/** The maximum of networks, and of unknown keys, in an isolate's memory. */
const mostRemembered = 1_000;

interface Lookup {
  hash: string;
  /** The caller's address; empty: the try is not counted. */
  address: string;
  /** The key was valid at this isolate's last look-up, so other clients of its network cannot lock it out. */
  wasKnown: boolean;
}

/** Looks up a key in the database. Throws `rate-limited` when a network tries too many unknown keys. */
export async function findKeyFor(
  services: Services,
  { hash, address, wasKnown }: Lookup,
): Promise<CallingKey | undefined> {
  const { db, unknownKeys } = services;
  const now = services.now().getTime();
  if ((unknownKeys.hashes.get(hash) ?? 0) > now) return undefined;
  const counted = wasKnown || address === "" ? undefined : countTry(unknownKeys, networkOf(address), now);
  const key = await findKey(db, hash);
  if (!key) remember(unknownKeys.hashes, [hash, now + minuteMs], mostRemembered);
  else if (counted) counted.count--;
  return key;
}

/** Counts before the look-up, so that parallel requests cannot all pass. */
function countTry({ tries }: Services["unknownKeys"], network: string, now: number): { count: number } {
  const known = tries.get(network);
  const entry = known && known.until > now ? known : { count: 0, until: now + minuteMs };
  if (entry !== known) remember(tries, [network, entry], mostRemembered);
  if (entry.count >= triesPerMinute) {
    throw new AppError("rate-limited", {
      retryAfter: Math.max(1, Math.ceil((entry.until - now) / 1000)),
      detail: "This network sent too many unknown API keys.",
    });
  }
  entry.count++;
  return entry;
}
