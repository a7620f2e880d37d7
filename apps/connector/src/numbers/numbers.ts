import { LRUCache } from "lru-cache";
import type { LookUpAnswer } from "../baileys/look-up.ts";
import type { Services } from "../services.ts";
import type { KnownNumber } from "../store/numbers.ts";
import type { KnownNumbers } from "./known-numbers.ts";
import { type LookUpBudget, LookUpsExhausted, type Purpose } from "./look-up-budget.ts";

/** Who asks when an answer is not known, and what for. */
export interface Asker {
  workspaceId: string;
  sessionId: string;
  purpose: Purpose;
  /** One question for all of them. */
  ask: (digits: string[]) => Promise<LookUpAnswer>;
}

/** WhatsApp did not say whether a number has an account; it may be asked again at `until`. */
export class NotKnown {
  readonly until: Date;

  constructor(until: Date) {
    this.until = until;
  }
}

/** The jid; null: no account. */
export type Reached = string | null | NotKnown;

/**
 * Which jid a number has. WhatsApp is asked once, because it penalises questions about many dead numbers. When it does not
 * answer, a message goes to the jid that the number had. Both reject with `LookUpsExhausted` when the session may not ask.
 */
export interface Numbers {
  /** Questions that wait for the same session go together. */
  jidOf(digits: string, asker: Asker): Promise<Reached>;
  /** The same of several, in their order, with one question at most for each fifty that are not known. */
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
/** The wait after an answer without the number doubles: a code that lives 5 minutes costs 6 questions. */
const silence = { firstMs: 5000, mostMs: 300_000 };
/** A random part of a wait that is added to it, at most. */
const spread = 0.2;

export function createNumbers(
  known: KnownNumbers,
  budget: LookUpBudget,
  { now, chance }: Pick<Services, "now" | "chance">,
): Numbers {
  const underway = new Map<string, Promise<Reached>>();
  const waiting = new Map<string, Waiting[]>();
  /** Numbers that were not in the answers to a session, and how often in a row. */
  const silent = new LRUCache<string, { until: Date; times: number }>({ max: 10_000 });

  const inMs = (ms: number) => new Date(now().getTime() + Math.round(ms * (1 + spread * chance())));

  async function find(digits: string, stored: Promise<Map<string, KnownNumber>>, asker: Asker): Promise<Reached> {
    const { workspaceId, sessionId, purpose } = asker;
    const found = (await stored).get(digits);
    // A message may have come while the store was read.
    const latest = known.latest(workspaceId, digits) ?? (known.isFresh(found) ? found.jid : undefined);
    if (latest !== undefined) return latest;
    const old = purpose === "send" ? (found?.jid ?? null) : null;
    const held = silent.get(`${sessionId} ${digits}`);
    if (held && held.until > now()) return old ?? new NotKnown(held.until);
    return new Promise((resolve, reject) => {
      const line = waiting.get(sessionId);
      const one = { digits, purpose, old, resolve, reject };
      if (line) line.push(one);
      else {
        waiting.set(sessionId, [one]);
        void query(asker);
      }
    });
  }

  async function query(asker: Asker): Promise<void> {
    const { sessionId } = asker;
    await new Promise((resolve) => setImmediate(resolve));
    for (let line = waiting.get(sessionId) ?? []; line.length > 0; line = waiting.get(sessionId) ?? []) {
      // A code does not wait behind what somebody only wants to know.
      line.sort((a, b) => Number(a.purpose === "lookUp") - Number(b.purpose === "lookUp"));
      const group = line.splice(0, perQuery);
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

  /** Those that the budget has room for; the others are told. */
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
    // Before the question: one whose answer is lost was asked all the same.
    await budget.asked(sessionId, asked.length);
    const { jids, waits, pauseMs } = await ask(asked);
    const pausedUntil = pauseMs === null ? null : inMs(pauseMs);
    if (pausedUntil) await budget.pause(sessionId, pausedUntil);
    const believed = await known.answered(workspaceId, jids);
    await budget.dead(sessionId, asked.filter((digits) => believed.get(digits) === null).length);
    const holds = new Map<string, NotKnown>();
    for (const one of group) {
      const { digits } = one;
      const jid = believed.has(digits) ? believed.get(digits) : known.latest(workspaceId, digits);
      if (jid !== undefined) {
        silent.delete(`${sessionId} ${digits}`);
        one.resolve(jid);
      } else if (pausedUntil) unanswered(one, new LookUpsExhausted(pausedUntil));
      else {
        const hold = holds.get(digits) ?? holdOff(`${sessionId} ${digits}`, waits.get(digits));
        holds.set(digits, hold);
        one.resolve(one.old ?? hold);
      }
    }
  }

  function holdOff(name: string, waitMs: number | undefined): NotKnown {
    const times = silent.get(name)?.times ?? 0;
    const until = inMs(waitMs ?? Math.min(silence.mostMs, silence.firstMs * 2 ** times));
    silent.set(name, { until, times: times + 1 });
    return new NotKnown(until);
  }

  function jidsOf(all: string[], asker: Asker): Promise<Reached[]> {
    const { workspaceId } = asker;
    // Of one session: another's line may be slow, and its budget empty.
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
