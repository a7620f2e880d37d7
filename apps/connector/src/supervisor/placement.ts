import type { Fleet } from "../store/members.ts";

/** A connector keeps this many sessions above its share, so that no session moves back and forth. */
const slack = 2;
/** This part of the excess moves at once, within the bounds below. */
const movedPart = 0.1;
const leastMoved = 3;
const mostMoved = 10;

/** The connector with the most free capacity; ties go to `own`, else to the first. */
export function leastLoaded({ members }: Fleet, own: string): string | null {
  const free = members.filter(({ isDraining, held, capacity }) => !isDraining && held < capacity);
  const [best] = free.toSorted(
    (a, b) => a.held / a.capacity - b.held / b.capacity || Number(b.run === own) - Number(a.run === own),
  );
  return best?.run ?? null;
}

/** How many sessions a connector holds when all are shared by capacity. */
export function fairShare({ members, sessions }: Fleet, own: string): number {
  const taking = members.filter(({ isDraining }) => !isDraining);
  const mine = taking.find(({ run }) => run === own)?.capacity ?? 0;
  const total = taking.reduce((sum, { capacity }) => sum + capacity, 0);
  return total === 0 ? 0 : Math.min(mine, Math.ceil((sessions * mine) / total));
}

/** How many sessions a connector gives away now: few at a time, and none while every other one has its share. */
export function toHandOver(fleet: Fleet, own: string, held: number): number {
  const excess = held - fairShare(fleet, own) - slack;
  if (excess <= 0) return 0;
  const capacityElsewhere = fleet.members
    .filter(({ run, isDraining }) => run !== own && !isDraining)
    .reduce((sum, { run, held: theirs }) => sum + Math.max(0, fairShare(fleet, run) - theirs), 0);
  return Math.min(excess, capacityElsewhere, mostMoved, Math.max(leastMoved, Math.ceil(excess * movedPart)));
}
