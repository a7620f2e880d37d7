import type { Actor } from "../actor.ts";
import { remember } from "../remember.ts";
import { newId, type Services } from "../services.ts";
import { keepPlace, leavePlace, takePlace } from "./places.ts";
import { unlessAway } from "./redis-outage.ts";

/** So many streams of events one key may have at the same time. */
export const mostStreams = 5;
/** A stream that does not keep its place loses it after this time. */
const placeMs = 60_000;
const keepEveryMs = 20_000;
/** The maximum of keys whose streams this isolate counts. */
const mostKeys = 10_000;

/** A stream's place among those of its key. */
export interface StreamPlace {
  /** To be called every few seconds. False: the place is lost. */
  keep: (at: number) => Promise<boolean>;
  leave: () => void;
}

/**
 * Takes a place for a stream; undefined if the key has none left. Redis counts over all instances of the Worker. While it
 * is away, each isolate counts its own streams.
 */
export async function takeStream(
  services: Services,
  { by, workspaceId }: Pick<Actor, "by" | "workspaceId">,
): Promise<StreamPlace | undefined> {
  const { now, openStreams, log } = services;
  const holding = { holder: newId(services, "req"), ms: placeMs };
  const { holder } = holding;
  const places = Array.from({ length: mostStreams }, (_, i) => `streams:{${workspaceId}}:${by.id}:${i + 1}`);
  const failed = (error: unknown) => log("Redis does not answer; streams are counted here only", error);
  let keptAt = now().getTime();

  const own = openStreams.get(by.id) ?? new Map<string, number>();
  for (const [each, until] of own) if (until <= keptAt) own.delete(each);
  if (own.size >= mostStreams) return undefined;
  // Taken before Redis answers, so that parallel requests cannot all pass.
  own.set(holder, keptAt + placeMs);
  remember(openStreams, [by.id, own], mostKeys);
  const leaveOwn = () => {
    own.delete(holder);
    if (own.size === 0) openStreams.delete(by.id);
  };

  /** The place; "none": all are taken; undefined: Redis is away. */
  const take = () =>
    unlessAway(services, failed, async () => (await takePlace(services, places, holding)) ?? ("none" as const));
  let place = await take();
  if (place === "none") {
    leaveOwn();
    return undefined;
  }
  return {
    async keep(at) {
      own.set(holder, at + placeMs);
      if (at - keptAt < keepEveryMs) return true;
      keptAt = at;
      if (place === undefined) {
        place = await take();
        return place !== "none";
      }
      const held = place;
      return (await unlessAway(services, failed, () => keepPlace(services, held, holding))) ?? true;
    },
    leave() {
      leaveOwn();
      if (place !== undefined && place !== "none") leavePlace(services, place, holder);
    },
  };
}
