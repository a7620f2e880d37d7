import type { InStatement } from "@libsql/client";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { type Fence, heldStatement, unlessHeld } from "./fence.ts";
import type { Store } from "./store.ts";

/**
 * People with whom an account has a chat. A restricted account may write to them, and to nobody else. A person is stored
 * as the pseudonyms of the phone number's jid and of the LID.
 */
export interface Chats {
  /** WhatsApp accepted a message to these people. Rejects with `LeaseLost`. */
  reached(fence: Fence, people: (string | null)[]): Promise<void>;
  /** The statements that store that these people wrote to the account. */
  wrote(fence: Fence, jids: string[]): InStatement[];
  /** Whether there is a chat with the person of these jids. */
  knows(sessionId: string, jids: (string | null)[]): Promise<boolean>;
  /** Clears the memory after another account was linked: the rows are deleted. */
  forget(sessionId: string): void;
}

interface ChatEntry {
  fence: Fence;
  person: string;
  reachedAt: number | null;
  wroteAt: number | null;
}

const rememberedMax = 50_000;

export function createChats(store: Store, { now, pseudonym }: Pick<Services, "now"> & { pseudonym: Pseudonym }): Chats {
  /** Entries that are stored, and need no second write. */
  const stored = new LRUCache<string, true>({ max: rememberedMax });
  const record = store.writer.bulk<ChatEntry, void>({
    statements(entries) {
      const items = valuesOf(entries);
      return [{ sql: recordSql, args: [items] }, heldStatement(items)];
    },
    results: (entries, [, held]) => unlessHeld(entries.length, held!),
  });

  return {
    async reached(fence, people) {
      const reachedAt = now().getTime();
      await Promise.all(
        people.map(async (person) => {
          const key = `${fence.sessionId} reached ${person}`;
          if (person === null || stored.has(key)) return;
          await record({ fence, person, reachedAt, wroteAt: null });
          stored.set(key, true);
        }),
      );
    },
    wrote(fence, jids) {
      const wroteAt = now().getTime();
      const entries = jids.map((jid) => ({ fence, person: pseudonym(jid), reachedAt: null, wroteAt }));
      return entries.length > 0 ? [{ sql: recordSql, args: [valuesOf(entries)] }] : [];
    },
    async knows(sessionId, jids) {
      const people = jids.flatMap((jid) => (jid === null ? [] : [pseudonym(jid)]));
      const { rows } = await store.client.execute({
        sql: "SELECT 1 FROM chat WHERE session_id = ? AND person IN (SELECT value FROM json_each(?)) LIMIT 1",
        args: [sessionId, JSON.stringify(people)],
      });
      return rows.length > 0;
    },
    forget(sessionId) {
      for (const key of stored.keys()) if (key.startsWith(`${sessionId} `)) stored.delete(key);
    },
  };
}

function valuesOf(entries: readonly ChatEntry[]): string {
  return JSON.stringify(
    entries.map(({ fence, person, reachedAt, wroteAt }) => [fence.sessionId, fence.fence, person, reachedAt, wroteAt]),
  );
}

const recordSql = `
  INSERT INTO chat (session_id, person, reached_at, wrote_at)
  SELECT session.id, item.value ->> 2, item.value ->> 3, item.value ->> 4
  FROM json_each(?) AS item JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
  WHERE true
  ON CONFLICT (session_id, person) DO UPDATE SET reached_at = coalesce(chat.reached_at, excluded.reached_at),
    wrote_at = coalesce(chat.wrote_at, excluded.wrote_at)
    WHERE (chat.reached_at IS NULL AND excluded.reached_at IS NOT NULL)
       OR (chat.wrote_at IS NULL AND excluded.wrote_at IS NOT NULL)`;
