import type { Actor } from "../actor.ts";
import type { Services } from "../services.ts";

/** So many requests of one key wait for an answer of WhatsApp at a time, over all instances of the Worker. */
export const mostWaiting = 10;
/** Longer than for limits: the caller wants to wait. */
const redisMs = 2_000;

/** Takes the first free place, for at most ARGV[1] milliseconds. Returns its number; 0: none is free. */
const takeScript = `for i, key in ipairs(KEYS) do
  if redis.call("SET", key, "1", "NX", "PX", ARGV[1]) then return i end
end
return 0`;

/**
 * Takes a place for a request that waits. Returns the function that gives it back; undefined if the key has none left, or
 * while Redis does not answer. @param longestMs the place is free again after this time, whatever happens to the request
 */
export async function takeWait(
  services: Services,
  { by, workspaceId }: Pick<Actor, "by" | "workspaceId">,
  longestMs: number,
): Promise<(() => void) | undefined> {
  const { redis, log, waitUntil } = services;
  // One hash tag, because a Redis cluster runs a script only on keys of one slot.
  const places = Array.from({ length: mostWaiting }, (_, i) => `waits:{${workspaceId}}:${by.id}:${i + 1}`);
  const taken = await redis(["EVAL", takeScript, places.length, ...places, longestMs], redisMs).catch(
    (error: unknown) => {
      log("Redis does not answer; a request does not wait", error);
      return 0;
    },
  );
  const place = places[Number.parseInt(String(taken), 10) - 1];
  if (place === undefined) return undefined;
  return () => waitUntil(redis(["DEL", place], redisMs).catch(() => undefined));
}
