import type { Config } from "../config.ts";
import type { Services } from "../services.ts";
import { countLookUps, noteLookUps, nextHour, pauseLookUps } from "../store/look-ups.ts";
import type { Store } from "../store/store.ts";

/** What a number is looked up for. Sends come first: the others may use half of the budget only. */
export type Purpose = "send" | "lookUp";

/** A session may not ask about unknown numbers for now: it asked too often, too many were dead, or WhatsApp said so. */
export class LookUpsExhausted extends Error {
  override readonly name = "LookUpsExhausted";
  readonly until: Date;

  constructor(until: Date) {
    super("the session may look up no more unknown numbers for now");
    this.until = until;
  }
}

/** The refusal as a value; throws what is another. */
export function exhausted(error: unknown): LookUpsExhausted {
  if (error instanceof LookUpsExhausted) return error;
  throw error;
}

/** How many unknown numbers each session may ask WhatsApp about; counted in the database, so that a restart resets nothing. */
export interface LookUpBudget {
  /** How many numbers are left for each purpose, and when there may be more. */
  left(sessionId: string): Promise<Record<Purpose, number> & { until: Date }>;
  asked(sessionId: string, numbers: number): Promise<void>;
  /** Numbers of which WhatsApp said that they have no account. */
  dead(sessionId: string, numbers: number): Promise<void>;
  /** WhatsApp wants no questions until then. */
  pause(sessionId: string, until: Date): Promise<void>;
}

/** So many numbers without an account are nothing unusual. */
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
