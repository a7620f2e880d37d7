import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { KnownNumber, NumberStore } from "../store/numbers.ts";

type Ask = (digits: string[]) => Promise<Map<string, string | null>>;

/** Which jid a number has, or null: asked of WhatsApp once, for asking after many dead numbers is penalised. */
export interface Numbers {
  /** @param ask the socket that asks when the answer is not known; questions that wait for the same one go together */
  jidOf(digits: string, sessionId: string, ask: Ask): Promise<string | null>;
  /** The same of several, in their order, with one question at most for each fifty that are not known. */
  jidsOf(digits: string[], sessionId: string, ask: Ask): Promise<(string | null)[]>;
}

interface Waiting {
  digits: string;
  resolve: (jid: string | null) => void;
  reject: (error: unknown) => void;
}

const knownDays = 14;
const unknownHours = 6;
const perQuery = 50;

export function createNumbers(store: NumberStore, { now }: Pick<Services, "now">): Numbers {
  const recent = new LRUCache<string, KnownNumber>({ max: 50_000 });
  const underway = new Map<string, Promise<string | null>>();
  const waiting = new Map<string, Waiting[]>();

  async function find(digits: string, stored: Promise<Map<string, KnownNumber>>, sessionId: string, ask: Ask) {
    const known = (await stored).get(digits);
    if (known) {
      recent.set(digits, known);
      return known.jid;
    }
    return new Promise<string | null>((resolve, reject) => {
      const line = waiting.get(sessionId);
      if (line) line.push({ digits, resolve, reject });
      else {
        waiting.set(sessionId, [{ digits, resolve, reject }]);
        void query(sessionId, ask);
      }
    });
  }

  async function query(sessionId: string, ask: Ask): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for (let line = waiting.get(sessionId) ?? []; line.length > 0; line = waiting.get(sessionId) ?? []) {
      const group = line.splice(0, perQuery);
      try {
        const answers = await ask(group.map(({ digits }) => digits));
        const known = group.map(({ digits }) => remember(digits, answers.get(digits) ?? null));
        await store.store(known);
        group.forEach(({ resolve }, i) => resolve(known[i]?.jid ?? null));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    waiting.delete(sessionId);
  }

  function remember(digits: string, jid: string | null): KnownNumber {
    const hours = jid === null ? unknownHours : knownDays * 24;
    const known = { digits, jid, until: new Date(now().getTime() + hours * 3_600_000) };
    recent.set(digits, known);
    return known;
  }

  function jidsOf(all: string[], sessionId: string, ask: Ask): Promise<(string | null)[]> {
    const unknown = [...new Set(all)].filter((digits) => !underway.has(digits) && !isFresh(recent.get(digits)));
    const stored = unknown.length > 0 ? store.find(unknown, now()) : Promise.resolve(new Map<string, KnownNumber>());
    for (const digits of unknown) {
      underway.set(
        digits,
        find(digits, stored, sessionId, ask).finally(() => underway.delete(digits)),
      );
    }
    return Promise.all(all.map(async (digits) => underway.get(digits) ?? recent.get(digits)?.jid ?? null));
  }

  function isFresh(known: KnownNumber | undefined): boolean {
    return known !== undefined && known.until > now();
  }

  return {
    jidsOf,
    async jidOf(digits, sessionId, ask) {
      const [jid = null] = await jidsOf([digits], sessionId, ask);
      return jid;
    },
  };
}
