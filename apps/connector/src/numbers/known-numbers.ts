import { spellingsOf } from "@sandi/contracts";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { KnownNumber, NumberStore } from "../store/numbers.ts";

/**
 * What a workspace's sessions know of numbers. The newest evidence counts: a message from a number ends that it has no
 * account, under any of its spellings. Workspaces share nothing: how fast an answer comes would show whom another knows.
 */
export interface KnownNumbers {
  /** The jid, or null for "no account", as far as memory has it; undefined: look in the store. */
  latest(workspaceId: string, digits: string): string | null | undefined;
  /** What the store has, with entries that are too old to be believed. */
  find(workspaceId: string, digits: string[]): Promise<Map<string, KnownNumber>>;
  isFresh(known: KnownNumber | undefined): known is KnownNumber;
  /** Stores WhatsApp's answers and returns what is believed now. A sign of life counts more than a "no". */
  answered(workspaceId: string, jids: Map<string, string | null>): Promise<Map<string, string | null>>;
  /** The person behind these jids wrote or received something, or WhatsApp named the person. */
  alive(workspaceId: string, jids: string[]): Promise<void>;
}

const aliveDays = 14;
const deadHours = 6;
/** How long memory believes in "no account": another connector may hear from the number and write it to the store. */
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

  /** An account under any spelling of the number. It is evidence against a "no", and does not say which one to write to. */
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
      const believed = Array.from(jids, ([digits, jid]) => {
        const alive = jid === null ? aliveAs(workspaceId, digits) : undefined;
        return remember(workspaceId, alive ? { ...alive, digits } : learned(digits, jid));
      });
      await store.store(workspaceId, believed, now());
      return new Map(believed.map(({ digits, jid }) => [digits, jid]));
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
  };
}
