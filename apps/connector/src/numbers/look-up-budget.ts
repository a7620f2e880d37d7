import type { Config } from "../config.ts";
import type { Services } from "../services.ts";
import { countLookUps, noteLookUps, nextHour, pauseLookUps } from "../store/look-ups.ts";
import type { Store } from "../store/store.ts";

/** Why a number is looked up. Sends come first: other look-ups may use only half of the budget. */
export type Purpose = "send" | "lookUp";

/** The session may look up no unknown numbers for now: too many look-ups, too many without account, or WhatsApp's order. */
export class LookUpsExhausted extends Error {
  override readonly name = "LookUpsExhausted";
  readonly until: Date;

  constructor(until: Date) {
    super("the session may look up no more unknown numbers for now");
    this.until = until;
  }
}

/** Returns the refusal as a value; throws any other error. */
export function exhausted(error: unknown): LookUpsExhausted {
  if (error instanceof LookUpsExhausted) return error;
  throw error;
}

/** How many unknown numbers each session may look up. It is counted in the database, so a restart resets nothing. */
export interface LookUpBudget {
  /** How many numbers are left for each purpose, and when there may be more. */
  left(sessionId: string): Promise<Record<Purpose, number> & { until: Date }>;
  asked(sessionId: string, numbers: number): Promise<void>;
  /** Adds numbers that have no account. */
  dead(sessionId: string, numbers: number): Promise<void>;
  /** WhatsApp accepts no look-ups until then. */
  pause(sessionId: string, until: Date): Promise<void>;
}

/** This many numbers without an account are normal. */
const fewDead = 50;

export function createLookUpBudget(
  store: Store,
  { perHour, perDay, deadPercent }: Config["lookUps"],
  { now }: Pick<Services, "now">,
): LookUpBudget {
  return {
    async left(sessionId) {
      const at = now();
      const { inHour, inDay, deadInDay, pausedUntil } = await countLookUps(store, sessionId, at);
      if (pausedUntil) return { send: 0, lookUp: 0, until: pausedUntil };
      const isProbing = deadInDay >= Math.max(fewDead, (inDay * deadPercent) / 100);
      const of = (share: number) =>
        isProbing ? 0 : Math.max(0, Math.floor(Math.min(perHour * share - inHour, perDay * share - inDay)));
      return { send: of(1), lookUp: of(0.5), until: nextHour(at) };
    },
    asked: (sessionId, asked) => noteLookUps(store, sessionId, { asked, dead: 0, at: now() }),
    pause: (sessionId, until) => pauseLookUps(store, sessionId, until),
    async dead(sessionId, dead) {
      if (dead > 0) await noteLookUps(store, sessionId, { asked: 0, dead, at: now() });
    },
  };
}
