import type { InStatement } from "@libsql/client";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { type Fence, heldStatement, unlessHeld } from "./fence.ts";
import type { Store } from "./store.ts";

/**
 * With whom an account has a chat: WhatsApp lets a restricted account write to them, and to nobody else. People are
 * known by the pseudonyms of their jids, of the phone number's and of the LID's.
 */
export interface Chats {
  /** WhatsApp took a message to them. Rejects with `LeaseLost`. */
  reached(fence: Fence, people: (string | null)[]): Promise<void>;
  /** They wrote: what to store with the news of it, and nothing when it is known. */
  wrote(fence: Fence, jids: string[]): InStatement[];
  /** Whether there is a chat with a person, by any of their jids. */
  knows(sessionId: string, jids: (string | null)[]): Promise<boolean>;
  /** Another account is linked; the rows of the one before are gone. */
  forget(sessionId: string): void;
}

interface Meeting {
  fence: Fence;
  person: string;
  reachedAt: number | null;
  wroteAt: number | null;
}

const rememberedMax = 50_000;

export function createChats(store: Store, { now, pseudonym }: Pick<Services, "now"> & { pseudonym: Pseudonym }): Chats {
  /** What is stored already, and needs no second write. */
  const stored = new LRUCache<string, true>({ max: rememberedMax });
  const meet = store.writer.bulk<Meeting, void>({
    statements(meetings) {
      const items = valuesOf(meetings);
      return [{ sql: meetSql, args: [items] }, heldStatement(items)];
    },
    results: (meetings, [, held]) => unlessHeld(meetings.length, held!),
  });

  return {
    async reached(fence, people) {
      const reachedAt = now().getTime();
      await Promise.all(
        people.map(async (person) => {
          const key = `${fence.sessionId} reached ${person}`;
          if (person === null || stored.has(key)) return;
          await meet({ fence, person, reachedAt, wroteAt: null });
          stored.set(key, true);
        }),
      );
    },
    wrote(fence, jids) {
      const wroteAt = now().getTime();
      const meetings = jids.map((jid) => ({ fence, person: pseudonym(jid), reachedAt: null, wroteAt }));
      return meetings.length > 0 ? [{ sql: meetSql, args: [valuesOf(meetings)] }] : [];
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

function valuesOf(meetings: readonly Meeting[]): string {
  return JSON.stringify(
    meetings.map(({ fence, person, reachedAt, wroteAt }) => [fence.sessionId, fence.fence, person, reachedAt, wroteAt]),
  );
}

const meetSql = `
  INSERT INTO chat (session_id, person, reached_at, wrote_at)
  SELECT session.id, item.value ->> 2, item.value ->> 3, item.value ->> 4
  FROM json_each(?) AS item JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
  WHERE true
  ON CONFLICT (session_id, person) DO UPDATE SET reached_at = coalesce(chat.reached_at, excluded.reached_at),
    wrote_at = coalesce(chat.wrote_at, excluded.wrote_at)
    WHERE (chat.reached_at IS NULL AND excluded.reached_at IS NOT NULL)
       OR (chat.wrote_at IS NULL AND excluded.wrote_at IS NOT NULL)`;
