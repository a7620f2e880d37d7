import type { Services } from "../services.ts";

/** Longer than for limits: the caller wants to wait. */
const redisMs = 2_000;

/** Takes the first free place for ARGV[2] milliseconds. Returns its number; 0: none is free. */
const takeScript = `for i, key in ipairs(KEYS) do
  if redis.call("SET", key, ARGV[1], "NX", "PX", ARGV[2]) then return i end
end
return 0`;

/** Keeps a place that is the holder's, or free. Returns 0 if somebody else has it. */
const keepScript = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end
if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 1 end
return 0`;

const leaveScript = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0`;

/** Who holds a place, and for how long. It is free again after this time, whatever happens to the holder. */
export interface Holding {
  holder: string;
  ms: number;
}

/** Takes one of the places; undefined if none is free. The names share one hash tag, as a Redis cluster needs. */
export async function takePlace(
  { redis }: Services,
  places: readonly string[],
  { holder, ms }: Holding,
): Promise<string | undefined> {
  const taken = await redis(["EVAL", takeScript, places.length, ...places, holder, ms], redisMs);
  return places[numberOf(taken) - 1];
}

/** Holds a place for longer; false if somebody else has taken it meanwhile. */
export async function keepPlace({ redis }: Services, place: string, { holder, ms }: Holding): Promise<boolean> {
  return numberOf(await redis(["EVAL", keepScript, 1, place, holder, ms], redisMs)) === 1;
}

const numberOf = (answer: unknown) => Number.parseInt(String(answer), 10);

/** Gives a place back, in the background. */
export function leavePlace({ redis, waitUntil }: Services, place: string, holder: string): void {
  waitUntil(redis(["EVAL", leaveScript, 1, place, holder], redisMs).catch(() => undefined));
}
