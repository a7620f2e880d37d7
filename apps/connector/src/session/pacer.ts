import type { MessageLane, Pacing } from "@sandi/contracts";
import { type Services, sleep } from "../services.ts";
import { createSlots, type Slot } from "./slots.ts";

/**
 * Three lanes to one account. Codes are sent at once. The other messages keep the pace: they are sent one at a time, normal
 * ones before bulk ones, and each lets waiting codes go first. So a code waits for at most one of them: the one that is
 * being sent.
 */
export interface Pacer {
  /** A code is about to be sent. */
  code(): Turn;
  /** Resolves when it is the message's turn; or at once with the time of its turn, if that is not soon. */
  paced(messageId: string, pace: Pace): Promise<Turn | { retryAt: Date }>;
}

export interface Pace {
  lane: MessageLane;
  pacing: Pacing;
}

export interface Turn {
  /** Resolves when the message may be sent. */
  clear(): Promise<void>;
  /** Always called at the end. @param isOver false when the message comes again: it keeps its place */
  leave(isOver: boolean): void;
}

/** A message whose turn is further away goes back to the queue. */
const nearMs = 2000;
/** The longest delay because of slow messages in front, since these can become fast again. */
const longestQueueMs = 8000;
/** During an endless stream of codes another message is sent after this time. */
const longestYieldMs = 5000;

/** A normal message goes before a bulk one that is due at the same time. */
const isBefore = (slot: Slot, other: Slot) =>
  slot.at < other.at || (slot.at === other.at && slot.lane === "normal" && other.lane === "bulk");

/** @param findEarlier when paced messages of the last day were sent, oldest first, as far as the store knows */
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
      const index = queue.findIndex((other) => isBefore(slot, other.slot));
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

  /** Runs once, before the first paced message. They wait until it succeeds. */
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
    async paced(messageId, pace) {
      await (recalled ??= recall());
      const slot = slots.place(messageId, pace, time());
      const waitMs = isTaken ? Math.min((queue.length + 1) * slots.usualMs(), longestQueueMs) : 0;
      const freeAt = time() + waitMs;
      const dueAt = Math.max(slots.dueAt(slot), Math.round(freeAt));
      if (dueAt - time() > nearMs) {
        slots.putOff(slot, dueAt);
        return { retryAt: new Date(dueAt) };
      }
      // Meanwhile a normal message may have taken the place of a bulk one.
      while (slots.dueAt(slot) > time()) await sleepUntil(slots.dueAt(slot));
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
