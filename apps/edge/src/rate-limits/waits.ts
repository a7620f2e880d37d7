import type { Actor } from "../actor.ts";
import { newId, type Services } from "../services.ts";
import { leavePlace, takePlace } from "./places.ts";

/** So many requests of one key wait for an answer of WhatsApp at a time, over all instances of the Worker. */
export const mostWaiting = 10;

/**
 * Takes a place for a request that waits. Returns the function that gives it back; undefined if the key has none left, or
 * while Redis does not answer. @param longestMs the place is free again after this time, whatever happens to the request
 */
export async function takeWait(
  services: Services,
  { by, workspaceId }: Pick<Actor, "by" | "workspaceId">,
  longestMs: number,
): Promise<(() => void) | undefined> {
  const holder = newId(services, "req");
  const places = Array.from({ length: mostWaiting }, (_, i) => `waits:{${workspaceId}}:${by.id}:${i + 1}`);
  const place = await takePlace(services, places, { holder, ms: longestMs }).catch((error: unknown) => {
    services.log("Redis does not answer; a request does not wait", error);
    return undefined;
  });
  return place === undefined ? undefined : () => leavePlace(services, place, holder);
}
