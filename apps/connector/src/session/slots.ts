import type { Pacing } from "@sandi/contracts";
import { draw, presets } from "./pacing.ts";

/** The time at which one message is to be sent. Milliseconds since the epoch. */
export interface Slot {
  readonly messageId: string;
  readonly pacing: Pacing;
  at: number;
}

/** The order of one session's bulk messages: first come, first served. A message keeps its place between attempts. */
export interface Slots {
  /** Adds messages that were sent before this process owned the session, oldest first. */
  recall(earlier: readonly number[]): void;
  /** The message's slot; a new one at the end if it has none. */
  place(messageId: string, pacing: Pacing, now: number): Slot;
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
  ...Object.values(presets).map(({ perDay }) => (Number.isFinite(perDay) ? perDay : 0)),
);
/** How many messages of the preset `off` may wait here at the same time. */
const maxWaitingOff = 16;

export function createSlots(chance: () => number): Slots {
  const slots: Slot[] = [];
  const byId = new Map<string, Slot>();
  /** When the messages of the last day were sent, oldest first; at most the highest daily limit. */
  const starts: number[] = [];
  let last: Slot | undefined;
  let untilPause: number | undefined;
  let usualMs = 100;

  function forget(now: number): void {
    while (slots[0] && slots[0].at < now - forgottenMs) byId.delete(slots.shift()!.messageId);
    const kept = starts.findIndex((start) => start > now - dayMs);
    starts.splice(0, Math.max(kept < 0 ? starts.length : kept, starts.length - longestCount));
  }

  function gapAfter(pacing: Pacing): number {
    const { gapMs, pause } = presets[pacing];
    if (pacing === "off") return slots.length < maxWaitingOff ? 0 : usualMs;
    const gap = draw(gapMs, chance);
    if (!pause) return gap;
    untilPause = (untilPause ?? draw(pause.after, chance)) - 1;
    if (untilPause > 0) return gap;
    untilPause = undefined;
    return gap + draw(pause.ms, chance);
  }

  /** The first time at which the daily limit allows another message. */
  function allowedAt(pacing: Pacing): number {
    const over = starts.length + slots.length - presets[pacing].perDay;
    if (over < 0 || !Number.isFinite(over)) return 0;
    return dayMs + (over < starts.length ? starts[over]! : slots[over - starts.length]!.at);
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
      if (at !== undefined) last ??= { messageId: "", pacing: "off", at };
    },
    place(messageId, pacing, now) {
      const known = byId.get(messageId);
      if (known) return known;
      forget(now);
      const before = slots.at(-1) ?? last;
      const at = Math.max(now, before ? before.at + gapAfter(pacing) : now, allowedAt(pacing));
      const slot: Slot = { messageId, pacing, at };
      slots.push(slot);
      byId.set(messageId, slot);
      return slot;
    },
    dueAt(slot) {
      return last ? Math.max(slot.at, last.at + presets[slot.pacing].gapMs[0]) : slot.at;
    },
    putOff(slot, at) {
      slot.at = Math.max(slot.at, at);
      for (let i = slots.indexOf(slot) + 1; i < slots.length; i++) {
        const [before, next] = [slots[i - 1]!, slots[i]!];
        const nearest = before.at + presets[next.pacing].gapMs[0];
        if (next.at >= nearest) return;
        next.at = nearest;
      }
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
