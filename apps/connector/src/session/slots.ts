import { type MessageLane, type Pacing, pacingPresets } from "@sandi/contracts";
import { draw } from "./pacing.ts";

/** The time at which one message is to be sent. Milliseconds since the epoch. */
export interface Slot {
  readonly messageId: string;
  readonly lane: MessageLane;
  readonly pacing: Pacing;
  /** How many normal messages came later and go first. */
  overtaken: number;
  at: number;
}

/**
 * The order of one session's messages that keep its pace: normal ones before bulk ones, and within a lane first come, first
 * served. A message keeps its place between attempts.
 */
export interface Slots {
  /** Adds messages that were sent before this process owned the session, oldest first. */
  recall(earlier: readonly number[]): void;
  /** The message's slot; a new one at the end of its lane if it has none. The bulk messages behind it are put off. */
  place(messageId: string, pace: Pick<Slot, "lane" | "pacing">, now: number): Slot;
  /** The time of the slot, or later when the message before it was late. */
  dueAt(slot: Slot): number;
  /** Delays a slot; the slots behind it keep their distance. */
  putOff(slot: Slot, at: number): void;
  /** The message is sent now. */
  start(slot: Slot, now: number): void;
  /** The attempt failed: the message is next. */
  restore(slot: Slot, now: number): void;
  /** Adds how long a message took to the usual time, which the messages behind it wait for. It falls faster than it rises. */
  took(ms: number): void;
  usualMs(): number;
}

/** The daily limit of a preset counts messages within this time. */
export const dayMs = 86_400_000;
/** A message that has not come this long after its time will not come. */
const forgottenMs = 900_000;
/** The highest daily limit of all presets. */
export const longestCount = Math.max(
  ...Object.values(pacingPresets).map(({ perDay }) => (Number.isFinite(perDay) ? perDay : 0)),
);
/** How many messages of the preset `off` may wait here at the same time. */
const maxWaitingOff = 16;
/** So many normal messages overtake a bulk one at most, so that it does not wait without end. */
const mostOvertaking = 30;

export function createSlots(chance: () => number): Slots {
  const slots: Slot[] = [];
  const byId = new Map<string, Slot>();
  /** When the messages of the last day were sent, oldest first; at most the highest daily limit. */
  const starts: number[] = [];
  let last: Pick<Slot, "at"> | undefined;
  let untilPause: number | undefined;
  let usualMs = 100;

  function forget(now: number): void {
    while (slots[0] && slots[0].at < now - forgottenMs) byId.delete(slots.shift()!.messageId);
    const kept = starts.findIndex((start) => start > now - dayMs);
    starts.splice(0, Math.max(kept < 0 ? starts.length : kept, starts.length - longestCount));
  }

  function gapAfter(pacing: Pacing): number {
    const { gapMs, pause } = pacingPresets[pacing];
    if (pacing === "off") return slots.length < maxWaitingOff ? 0 : usualMs;
    const gap = draw(gapMs, chance);
    if (!pause) return gap;
    untilPause = (untilPause ?? draw(pause.after, chance)) - 1;
    if (untilPause > 0) return gap;
    untilPause = undefined;
    return gap + draw(pause.ms, chance);
  }

  /** The first time at which the daily limit allows another message behind the first `before` slots. */
  function allowedAt(pacing: Pacing, before: number): number {
    const over = starts.length + before - pacingPresets[pacing].perDay;
    if (over < 0 || !Number.isFinite(over)) return 0;
    return dayMs + (over < starts.length ? starts[over]! : slots[over - starts.length]!.at);
  }

  /** Where a new message of the lane goes. */
  function endOf(lane: MessageLane): number {
    if (lane === "bulk") return slots.length;
    return slots.findLastIndex((slot) => slot.lane === "normal" || slot.overtaken >= mostOvertaking) + 1;
  }

  /** The slots behind the one at `index` keep their distance and the daily limit. */
  function pushBack(index: number): void {
    for (let i = index + 1; i < slots.length; i++) {
      const [before, next] = [slots[i - 1]!, slots[i]!];
      const nearest = Math.max(before.at + pacingPresets[next.pacing].gapMs[0], allowedAt(next.pacing, i));
      if (next.at >= nearest) return;
      next.at = nearest;
    }
  }

  function insert(slot: Slot): void {
    const index = slots.findIndex(({ at }) => at > slot.at);
    slots.splice(index < 0 ? slots.length : index, 0, slot);
    byId.set(slot.messageId, slot);
  }

  function remove(slot: Slot): void {
    const index = slots.indexOf(slot);
    if (index >= 0) slots.splice(index, 1);
    byId.delete(slot.messageId);
  }

  return {
    recall(earlier) {
      starts.unshift(...earlier);
      const at = starts.at(-1);
      if (at !== undefined) last ??= { at };
    },
    place(messageId, { lane, pacing }, now) {
      const known = byId.get(messageId);
      if (known) return known;
      forget(now);
      const index = endOf(lane);
      const before = slots[index - 1] ?? last;
      const at = Math.max(now, before ? before.at + gapAfter(pacing) : now, allowedAt(pacing, index));
      const slot: Slot = { messageId, lane, pacing, overtaken: 0, at };
      for (const behind of slots.slice(index)) behind.overtaken++;
      slots.splice(index, 0, slot);
      byId.set(messageId, slot);
      pushBack(index);
      return slot;
    },
    dueAt(slot) {
      return last ? Math.max(slot.at, last.at + pacingPresets[slot.pacing].gapMs[0]) : slot.at;
    },
    putOff(slot, at) {
      slot.at = Math.max(slot.at, at);
      pushBack(slots.indexOf(slot));
    },
    start(slot, now) {
      remove(slot);
      slot.at = now;
      last = slot;
      starts.push(now);
    },
    restore(slot, now) {
      insert({ ...slot, at: now });
    },
    took(ms) {
      usualMs += (ms - usualMs) / (ms > usualMs ? 8 : 2);
    },
    usualMs: () => usualMs,
  };
}
