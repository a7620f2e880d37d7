import type { Pacing } from "@sandi/contracts";
import { type Services, sleep } from "../services.ts";
import { createSlots, type Slot } from "./slots.ts";

/**
 * Two lanes to one account. Codes go at once. Of the bulk messages one at a time is under way; it lets the codes that are
 * there go first, so that a code has at most one bulk message before it, the one that is on the wire already.
 */
export interface Pacer {
  /** A code sets out. */
  code(): Turn;
  /** A bulk message's turn, once it has come; or when it will, if that is not soon. */
  bulk(messageId: string, pacing: Pacing): Promise<Turn | { comeBackAt: Date }>;
}

export interface Turn {
  /** Resolves when it may go on the wire. */
  clear(): Promise<void>;
  /** In any case, at the end. @param isOver false when the message is to come again: it keeps its place */
  leave(isOver: boolean): void;
}

/** Whose turn is further away than this is not kept waiting here. */
const nearMs = 2000;
/** Slow ones may be quick again: nobody comes back later than this on their account. */
const longestQueueMs = 8000;
/** A stream of codes without a gap lets a bulk message through now and then. */
const longestYieldMs = 5000;

/** @param findEarlier when bulk messages of the last day went, oldest first, as far as the store knows */
export function createPacer(
  { now, after, chance }: Pick<Services, "now" | "after" | "chance">,
  findEarlier: () => Promise<readonly number[]>,
): Pacer {
  const slots = createSlots(chance);
  let codes = 0;
  let yielding: (() => void) | undefined;
  let isTaken = false;
  let recalled: Promise<void> | undefined;
  const queue: { slot: Slot; enter: () => void }[] = [];
  const time = () => now().getTime();

  async function sleepUntil(at: number): Promise<void> {
    if (at > time()) await sleep({ after }, at - time());
  }

  /** One at a time, in the order of the slots. */
  async function enter(slot: Slot): Promise<void> {
    if (isTaken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const index = queue.findIndex((other) => other.slot.at > slot.at);
      queue.splice(index < 0 ? queue.length : index, 0, { slot, enter: resolve });
      await promise;
    }
    isTaken = true;
    await sleepUntil(slots.dueAt(slot));
    slots.start(slot, time());
  }

  function free(): void {
    const next = queue.shift();
    if (next) next.enter();
    else isTaken = false;
  }

  /** Once, before the first bulk message; while it cannot be read they wait. */
  async function recall(): Promise<void> {
    try {
      slots.recall(await findEarlier());
    } catch (error) {
      recalled = undefined;
      throw error;
    }
  }

  async function yieldToCodes(): Promise<void> {
    if (codes === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    yielding = resolve;
    const cancel = after(longestYieldMs, resolve);
    await promise;
    cancel();
    yielding = undefined;
  }

  return {
    code() {
      codes++;
      return {
        clear: () => Promise.resolve(),
        leave() {
          if (--codes === 0) yielding?.();
        },
      };
    },
    async bulk(messageId, pacing) {
      await (recalled ??= recall());
      const slot = slots.place(messageId, pacing, time());
      const waitMs = isTaken ? Math.min((queue.length + 1) * slots.usualMs(), longestQueueMs) : 0;
      const freeAt = time() + waitMs;
      const dueAt = Math.max(slots.dueAt(slot), Math.round(freeAt));
      if (dueAt - time() > nearMs) {
        slots.putOff(slot, dueAt);
        return { comeBackAt: new Date(dueAt) };
      }
      await sleepUntil(slots.dueAt(slot));
      await enter(slot);
      const startedAt = time();
      return {
        clear: yieldToCodes,
        leave(isOver) {
          slots.took(time() - startedAt);
          if (!isOver) slots.restore(slot, time());
          free();
        },
      };
    },
  };
}
