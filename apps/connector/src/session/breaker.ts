import type { Services } from "../services.ts";
import type { AccountLimits } from "./account-limits.ts";

/**
 * Why sending is paused. `rate`: too many messages (429). `forbidden`: the account may not send (401, 403). `unexplained`:
 * WhatsApp refused messages to several people in a row without a reason.
 */
const reasons = {
  rate: { firstMs: 30_000 },
  forbidden: { firstMs: 600_000 },
  unexplained: { firstMs: 60_000 },
} as const;
type Reason = keyof typeof reasons;

const longestMs = 3_600_000;
/** The random length of a pause is at least this part of the first pause. */
const shortestPart = 1 / 6;
const peopleUntilUnexplained = 5;
const probeMs = 2000;

/** The permission to send one message. The sender reports the result once. */
export interface SendPermit {
  sent(): void;
  /** @param person the recipient: a refusal for one person alone says little about the account */
  refused(reason: Reason, person: string): void;
  /** Ends the permit, whatever the result. */
  leave(): void;
}

/** Stops a session from sending when WhatsApp refuses: the pauses grow, and after each one a single message tries. */
export interface Breaker {
  /** A permit, or the end of the pause. */
  enter(): SendPermit | { pausedUntil: Date };
}

export function createBreaker(limits: AccountLimits, { now, chance }: Pick<Services, "now" | "chance">): Breaker {
  const unreached = new Set<string>();
  let probe: object | undefined;

  function trip(reason: Reason): void {
    const { trips } = limits.current();
    const { firstMs } = reasons[reason];
    const pauseMs = Math.max(firstMs * shortestPart, chance() * Math.min(longestMs, firstMs * 2 ** trips));
    unreached.clear();
    limits.change({ pausedUntil: new Date(now().getTime() + Math.round(pauseMs)), trips: trips + 1 });
  }

  return {
    enter() {
      const { pausedUntil, trips } = limits.current();
      if (pausedUntil) return { pausedUntil };
      if (trips > 0 && probe) return { pausedUntil: new Date(now().getTime() + probeMs) };
      const mark = {};
      if (trips > 0) probe = mark;
      // A message that was sent before the pause says nothing about the time after it.
      const isOfNow = () => limits.current().trips === trips && limits.current().pausedUntil === null;
      return {
        sent() {
          if (!isOfNow()) return;
          unreached.clear();
          if (trips > 0) limits.change({ trips: 0 });
        },
        refused(reason, person) {
          if (!isOfNow()) return;
          if (reason === "unexplained" && trips === 0 && unreached.add(person).size < peopleUntilUnexplained) return;
          trip(reason);
        },
        leave() {
          if (probe === mark) probe = undefined;
        },
      };
    },
  };
}
