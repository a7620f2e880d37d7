import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { KnownNumber, NumberStore } from "../store/numbers.ts";
import { type LookUpBudget, LookUpsExhausted, type Purpose } from "./look-up-budget.ts";

/** Who asks when an answer is not known, and what for. */
export interface Asker {
  workspaceId: string;
  sessionId: string;
  purpose: Purpose;
  /** Answers for every spelling of each number; one question for all of them. */
  ask: (digits: string[]) => Promise<Map<string, string | null>>;
}

/**
 * Which jid a number has, or null: asked of WhatsApp once, for asking after many dead numbers is penalised. A workspace
 * is answered from what its own sessions have asked: what another one knows, how soon and whether at all, would tell.
 * Both reject with `LookUpsExhausted` when the session may ask about no more of them.
 */
export interface Numbers {
  /** Questions that wait for the same session go together. */
  jidOf(digits: string, asker: Asker): Promise<string | null>;
  /** The same of several, in their order, with one question at most for each fifty that are not known. */
  jidsOf(digits: string[], asker: Asker): Promise<(string | null)[]>;
}

interface Waiting {
  digits: string;
  purpose: Purpose;
  resolve: (jid: string | null) => void;
  reject: (error: unknown) => void;
}

const knownDays = 14;
const unknownHours = 6;
const perQuery = 50;

const nameOf = ({ workspaceId }: Asker, digits: string) => `${workspaceId} ${digits}`;

export function createNumbers(store: NumberStore, budget: LookUpBudget, { now }: Pick<Services, "now">): Numbers {
  const recent = new LRUCache<string, KnownNumber>({ max: 50_000 });
  const underway = new Map<string, Promise<string | null>>();
  const waiting = new Map<string, Waiting[]>();

  async function find(digits: string, stored: Promise<Map<string, KnownNumber>>, asker: Asker) {
    const known = (await stored).get(digits);
    if (known) {
      recent.set(nameOf(asker, digits), known);
      return known.jid;
    }
    const { sessionId, purpose } = asker;
    return new Promise<string | null>((resolve, reject) => {
      const line = waiting.get(sessionId);
      const one = { digits, purpose, resolve, reject };
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
        for (const { reject } of group) reject(error);
      }
    }
    waiting.delete(sessionId);
  }

  /** Those that the budget has room for; the others are told. */
  async function allowed(sessionId: string, group: Waiting[]): Promise<Waiting[]> {
    const left = await budget.left(sessionId);
    const granted = new Set<string>();
    return group.filter(({ digits, purpose, reject }) => {
      const isAllowed = granted.has(digits) || granted.size < left[purpose];
      if (isAllowed) granted.add(digits);
      else reject(new LookUpsExhausted(left.until));
      return isAllowed;
    });
  }

  async function answer(asker: Asker, group: Waiting[]): Promise<void> {
    const { workspaceId, sessionId, ask } = asker;
    const asked = [...new Set(group.map(({ digits }) => digits))];
    // Before the question: one whose answer is lost was asked all the same.
    await budget.asked(sessionId, asked.length);
    const answers = await ask(asked);
    for (const digits of asked) if (!answers.has(digits)) answers.set(digits, null);
    const known = Array.from(answers, ([digits, jid]) => remember(asker, digits, jid));
    await store.store(workspaceId, known);
    await budget.dead(sessionId, asked.filter((digits) => answers.get(digits) === null).length);
    for (const { digits, resolve } of group) resolve(answers.get(digits) ?? null);
  }

  function remember(asker: Asker, digits: string, jid: string | null): KnownNumber {
    const hours = jid === null ? unknownHours : knownDays * 24;
    const known = { digits, jid, until: new Date(now().getTime() + hours * 3_600_000) };
    recent.set(nameOf(asker, digits), known);
    return known;
  }

  function jidsOf(all: string[], asker: Asker): Promise<(string | null)[]> {
    // Of one session: another's line may be slow, and its budget empty.
    const key = (digits: string) => `${asker.sessionId} ${asker.purpose} ${digits}`;
    const latest = (digits: string) => recent.get(nameOf(asker, digits));
    const unknown = [...new Set(all)].filter((digits) => !underway.has(key(digits)) && !isFresh(latest(digits)));
    const stored =
      unknown.length > 0
        ? store.find(asker.workspaceId, unknown, now())
        : Promise.resolve(new Map<string, KnownNumber>());
    for (const digits of unknown) {
      const found = find(digits, stored, asker).finally(() => underway.delete(key(digits)));
      underway.set(key(digits), found);
    }
    return Promise.all(all.map(async (digits) => underway.get(key(digits)) ?? latest(digits)?.jid ?? null));
  }

  function isFresh(known: KnownNumber | undefined): boolean {
    return known !== undefined && known.until > now();
  }

  return {
    jidsOf,
    async jidOf(digits, asker) {
      const [jid = null] = await jidsOf([digits], asker);
      return jid;
    },
  };
}
