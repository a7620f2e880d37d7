import { LRUCache } from "lru-cache";
import type { LookUpAnswer } from "../baileys/look-up.ts";
import type { Services } from "../services.ts";
import type { KnownNumber } from "../store/numbers.ts";
import type { KnownNumbers } from "./known-numbers.ts";
import { type LookUpBudget, LookUpsExhausted, type Purpose } from "./look-up-budget.ts";

/** How an unknown number is looked up, by which session and why. */
export interface Asker {
  workspaceId: string;
  sessionId: string;
  purpose: Purpose;
  /** Asks WhatsApp about all of them in one request. */
  ask: (digits: string[]) => Promise<LookUpAnswer>;
}

/** WhatsApp did not say if a number has an account. It may be asked again at `until`. */
export class NotKnown {
  readonly until: Date;

  constructor(until: Date) {
    this.until = until;
  }
}

/** The jid; null when the number has no account. */
export type Reached = string | null | NotKnown;

/**
 * Finds the jid of a number. WhatsApp is asked once, because it penalises look-ups of many numbers without account. When
 * it does not answer, a message goes to the last known jid. Rejects with `LookUpsExhausted` when no look-up is allowed.
 */
export interface Numbers {
  /** Look-ups of the same session that wait together share a request. */
  jidOf(digits: string, asker: Asker): Promise<Reached>;
  /** The same for several numbers, in their order, with one request for each fifty unknown numbers. */
  jidsOf(digits: string[], asker: Asker): Promise<Reached[]>;
}

interface Waiting {
  digits: string;
  purpose: Purpose;
  /** The jid to use without an answer. */
  old: string | null;
  resolve: (jid: Reached) => void;
  reject: (error: unknown) => void;
}

const perQuery = 50;
/** The wait after an answer without the number doubles, so a code that lives 5 minutes costs 6 look-ups. */
const silence = { firstMs: 5000, mostMs: 300_000 };
/** Up to this part of a wait is added to it at random. */
const spread = 0.2;

export function createNumbers(
  known: KnownNumbers,
  budget: LookUpBudget,
  { now, chance }: Pick<Services, "now" | "chance">,
): Numbers {
  const underway = new Map<string, Promise<Reached>>();
  const waiting = new Map<string, Waiting[]>();
  /** Numbers that were missing in answers to a session, with how many times in a row. */
  const silent = new LRUCache<string, { until: Date; times: number }>({ max: 10_000 });

  const inMs = (ms: number) => new Date(now().getTime() + Math.round(ms * (1 + spread * chance())));

  async function find(digits: string, stored: Promise<Map<string, KnownNumber>>, asker: Asker): Promise<Reached> {
    const { workspaceId, sessionId, purpose } = asker;
    const found = (await stored).get(digits);
    // A message may have arrived while the store was read.
    const latest = known.latest(workspaceId, digits) ?? (known.isFresh(found) ? found.jid : undefined);
    if (latest !== undefined) return latest;
    const old = purpose === "send" ? (found?.jid ?? null) : null;
    const missing = silent.get(`${sessionId} ${digits}`);
    if (missing && missing.until > now()) return old ?? new NotKnown(missing.until);
    return new Promise((resolve, reject) => {
      const queue = waiting.get(sessionId);
      const one = { digits, purpose, old, resolve, reject };
      if (queue) queue.push(one);
      else {
        waiting.set(sessionId, [one]);
        void query(asker);
      }
    });
  }

  async function query(asker: Asker): Promise<void> {
    const { sessionId } = asker;
    await new Promise((resolve) => setImmediate(resolve));
    for (let queue = waiting.get(sessionId) ?? []; queue.length > 0; queue = waiting.get(sessionId) ?? []) {
      // A code must not wait behind look-ups that send nothing.
      queue.sort((a, b) => Number(a.purpose === "lookUp") - Number(b.purpose === "lookUp"));
      const group = queue.splice(0, perQuery);
      try {
        const granted = await allowed(sessionId, group);
        if (granted.length > 0) await answer(asker, granted);
      } catch (error) {
        for (const one of group) unanswered(one, error);
      }
    }
    waiting.delete(sessionId);
  }

  function unanswered({ old, resolve, reject }: Waiting, error: unknown): void {
    if (old === null) reject(error);
    else resolve(old);
  }

  /** The look-ups that the budget allows; the others are refused. */
  async function allowed(sessionId: string, group: Waiting[]): Promise<Waiting[]> {
    const left = await budget.left(sessionId);
    const granted = new Set<string>();
    return group.filter((one) => {
      const isAllowed = granted.has(one.digits) || granted.size < left[one.purpose];
      if (isAllowed) granted.add(one.digits);
      else unanswered(one, new LookUpsExhausted(left.until));
      return isAllowed;
    });
  }

  async function answer({ workspaceId, sessionId, ask }: Asker, group: Waiting[]): Promise<void> {
    const asked = [...new Set(group.map(({ digits }) => digits))];
    // Counted before the request, because a look-up whose answer is lost counts too.
    await budget.asked(sessionId, asked.length);
    const { jids, waits, pauseMs } = await ask(asked);
    const pausedUntil = pauseMs === null ? null : inMs(pauseMs);
    if (pausedUntil) await budget.pause(sessionId, pausedUntil);
    const current = await known.answered(workspaceId, jids);
    await budget.dead(sessionId, asked.filter((digits) => current.get(digits) === null).length);
    const notKnown = new Map<string, NotKnown>();
    for (const one of group) {
      const { digits } = one;
      const jid = current.has(digits) ? current.get(digits) : known.latest(workspaceId, digits);
      if (jid !== undefined) {
        silent.delete(`${sessionId} ${digits}`);
        one.resolve(jid);
      } else if (pausedUntil) unanswered(one, new LookUpsExhausted(pausedUntil));
      else {
        const answerLater = notKnown.get(digits) ?? wait(`${sessionId} ${digits}`, waits.get(digits));
        notKnown.set(digits, answerLater);
        one.resolve(one.old ?? answerLater);
      }
    }
  }

  function wait(name: string, waitMs: number | undefined): NotKnown {
    const times = silent.get(name)?.times ?? 0;
    const until = inMs(waitMs ?? Math.min(silence.mostMs, silence.firstMs * 2 ** times));
    silent.set(name, { until, times: times + 1 });
    return new NotKnown(until);
  }

  function jidsOf(all: string[], asker: Asker): Promise<Reached[]> {
    const { workspaceId } = asker;
    // Not shared between sessions: another session's queue may be slow, or its budget used up.
    const key = (digits: string) => `${asker.sessionId} ${asker.purpose} ${digits}`;
    const isUnknown = (digits: string) => known.latest(workspaceId, digits) === undefined;
    const unknown = [...new Set(all)].filter((digits) => !underway.has(key(digits)) && isUnknown(digits));
    const stored =
      unknown.length > 0 ? known.find(workspaceId, unknown) : Promise.resolve(new Map<string, KnownNumber>());
    for (const digits of unknown) {
      const found = find(digits, stored, asker).finally(() => underway.delete(key(digits)));
      underway.set(key(digits), found);
    }
    return Promise.all(
      all.map(async (digits) => known.latest(workspaceId, digits) ?? underway.get(key(digits)) ?? null),
    );
  }

  return {
    jidsOf,
    async jidOf(digits, asker) {
      const [jid = null] = await jidsOf([digits], asker);
      return jid;
    },
  };
}
