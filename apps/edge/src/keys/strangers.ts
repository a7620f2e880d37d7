import { AppError } from "@sandi/contracts";
import type { KnownKey } from "../db/schema.ts";
import { networkOf } from "../limits/network.ts";
import type { Services } from "../services.ts";
import { findKey } from "./repository.ts";

/**
 * Different unknown keys that one network may try in a minute, counted per isolate and so without a request. Each costs a look-up in the database; no app has so many
 * wrong keys, and a guesser is not slowed down by them, for keys have 178 random bits.
 */
const triesPerMinute = 30;
const minuteMs = 60_000;
/** Of networks and of unknown keys that an isolate remembers; the oldest make room. */
const mostRemembered = 1_000;

interface Asked {
  hash: string;
  /** Empty when it is not known: then nothing is counted. */
  address: string;
  /** It was a key when this isolate last looked: no neighbour on its network locks it out. */
  wasKnown: boolean;
}

/** Looks up a key in the database; throws `rate-limited` for a network that tries too many keys which are none. */
export async function findKeyFor(
  services: Services,
  { hash, address, wasKnown }: Asked,
): Promise<KnownKey | undefined> {
  const { db, strangers } = services;
  const now = services.now().getTime();
  if ((strangers.unknown.get(hash) ?? 0) > now) return undefined;
  const counted = wasKnown || address === "" ? undefined : countTry(strangers, networkOf(address), now);
  const key = await findKey(db, hash);
  if (!key) remember(strangers.unknown, hash, now + minuteMs);
  else if (counted) counted.count--;
  return key;
}

/** Counts before the look-up, or requests at the same time would all pass. */
function countTry({ tries }: Services["strangers"], network: string, now: number): { count: number } {
  let entry = tries.get(network);
  if (!entry || entry.until <= now) remember(tries, network, (entry = { count: 0, until: now + minuteMs }));
  if (entry.count >= triesPerMinute) {
    throw new AppError("rate-limited", {
      retryAfter: Math.max(1, Math.ceil((entry.until - now) / 1000)),
      detail: "Too many unknown API keys came from this network.",
    });
  }
  entry.count++;
  return entry;
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  if (map.size >= mostRemembered) map.delete(map.keys().next().value ?? "");
  map.set(key, value);
}
