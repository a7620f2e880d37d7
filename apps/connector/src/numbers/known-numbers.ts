import { spellingsOf } from "@sandi/contracts";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { KnownNumber, NumberStore } from "../store/numbers.ts";

/**
 * What the sessions of a workspace know of numbers. The newest evidence counts: a message from a number replaces "no
 * account", under any of its spellings. Workspaces share nothing, because a fast answer would show whom another one knows.
 */
export interface KnownNumbers {
  /** The jid from memory, or null for "no account"; undefined when memory has neither. */
  latest(workspaceId: string, digits: string): string | null | undefined;
  /** Reads the store. The result includes expired entries. */
  find(workspaceId: string, digits: string[]): Promise<Map<string, KnownNumber>>;
  isFresh(known: KnownNumber | undefined): known is KnownNumber;
  /** Stores WhatsApp's answers and returns what counts now. A message from the number counts more than "no account". */
  answered(workspaceId: string, jids: Map<string, string | null>): Promise<Map<string, string | null>>;
  /** The person with these jids wrote or received something, or WhatsApp named the person. */
  alive(workspaceId: string, jids: string[]): Promise<void>;
  /** Deletes what is known of these numbers. Answers how many there were. */
  forget(workspaceId: string, digits: string[]): Promise<number>;
}

const aliveDays = 14;
const deadHours = 6;
/** "No account" stays in memory only this long, because another connector may store that the number has one. */
const deadInMemoryMs = 30_000;
const nameOf = (workspaceId: string, digits: string) => `${workspaceId} ${digits}`;
const phone = /^(\d+)@s\.whatsapp\.net$/;

export function createKnownNumbers(store: NumberStore, { now }: Pick<Services, "now">): KnownNumbers {
  const recent = new LRUCache<string, KnownNumber>({ max: 50_000 });
  const isFresh = (known: KnownNumber | undefined): known is KnownNumber => known !== undefined && known.until > now();

  function remember(workspaceId: string, known: KnownNumber): KnownNumber {
    const soon = new Date(now().getTime() + deadInMemoryMs);
    const until = known.jid === null && known.until > soon ? soon : known.until;
    recent.set(nameOf(workspaceId, known.digits), { ...known, until });
    return known;
  }

  function learned(digits: string, jid: string | null): KnownNumber {
    const hours = jid === null ? deadHours : aliveDays * 24;
    return { digits, jid, until: new Date(now().getTime() + hours * 3_600_000) };
  }

  /** An account under any spelling of the number. It contradicts "no account", but does not say which jid to use. */
  function aliveAs(workspaceId: string, digits: string, stored = new Map<string, KnownNumber>()) {
    return spellingsOf(digits)
      .flatMap((one) => [recent.get(nameOf(workspaceId, one)), stored.get(one)])
      .find((known) => isFresh(known) && known.jid !== null);
  }

  return {
    latest(workspaceId, digits) {
      const known = recent.get(nameOf(workspaceId, digits));
      return isFresh(known) ? known.jid : undefined;
    },
    async find(workspaceId, digits) {
      const stored = await store.find(workspaceId, [...new Set(digits.flatMap(spellingsOf))]);
      const found = new Map<string, KnownNumber>();
      for (const one of digits) {
        const known = stored.get(one);
        if (!known || (isFresh(known) && known.jid === null && aliveAs(workspaceId, one, stored))) continue;
        found.set(one, isFresh(known) ? remember(workspaceId, known) : known);
      }
      return found;
    },
    isFresh,
    async answered(workspaceId, jids) {
      const current = Array.from(jids, ([digits, jid]) => {
        const alive = jid === null ? aliveAs(workspaceId, digits) : undefined;
        return remember(workspaceId, alive ? { ...alive, digits } : learned(digits, jid));
      });
      await store.store(workspaceId, current, now());
      return new Map(current.map(({ digits, jid }) => [digits, jid]));
    },
    async alive(workspaceId, jids) {
      for (const jid of jids) {
        const digits = phone.exec(jid)?.[1];
        if (digits === undefined) continue;
        for (const name of spellingsOf(digits).map((one) => nameOf(workspaceId, one))) {
          if (recent.get(name)?.jid === null) recent.delete(name);
        }
        if (isFresh(recent.get(nameOf(workspaceId, digits)))) continue;
        await store.store(workspaceId, [remember(workspaceId, learned(digits, jid))], now());
      }
    },
    forget(workspaceId, digits) {
      for (const one of digits) recent.delete(nameOf(workspaceId, one));
      return store.delete(workspaceId, digits);
    },
  };
}
