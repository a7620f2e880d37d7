import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import { fenceHolds, type Fence } from "./fence.ts";
import type { NewEvent } from "./outbox.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { text, textOrNull } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** How WhatsApp names a person or a group; all that is known. */
export interface Names {
  pn: string | null;
  lid: string | null;
  group: string | null;
  /** As the person calls themselves. */
  name: string | null;
  /** Which jid WhatsApp took a message to, after it had refused the other one; absent: it refused none. */
  form?: "pn" | "lid";
}

/** A person or a group that an account has a chat with. `id` is that of the chat. */
export interface Conversation {
  id: string;
  names: Names;
}

export const conversationPeople = sealedColumn("conversation", "sealed");

/** One chat per person, whichever address WhatsApp uses. Its id stays when another address becomes known. */
export interface Conversations {
  /**
   * The conversation of these names, and the statements that store what is new about it. Two that prove to be one become
   * the older one, which is reported; the id of the other still leads to it.
   */
  met(fence: Fence, names: Partial<Names>): Promise<{ conversation: Conversation; statements: InStatement[] }>;
  find(sessionId: string, ids: readonly string[]): Promise<Map<string, Conversation>>;
  /** The conversation with this jid; null when there is none. */
  byAddress(sessionId: string, jid: string): Promise<Conversation | null>;
  /** Clears the memory after the rows were deleted. */
  forget(sessionId: string): void;
}

interface Options {
  store: Pick<Store, "client">;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
  services: Pick<Services, "newId" | "now">;
}

const keyOf = (sessionId: string, jid: string) => `${sessionId} ${jid}`;
const rememberedMax = 20_000;
const addressesOf = ({ pn, lid, group }: Partial<Names>) => [pn, lid, group].filter((one) => typeof one === "string");

export function createConversations({ store, atRest, pseudonym, services }: Options): Conversations {
  /** By session and address: conversations whose rows are as these. */
  const known = new LRUCache<string, Conversation>({ max: rememberedMax });
  /** By session and address: new ids, also before their rows are stored. Concurrent messages of a person use the same id. */
  const made = new LRUCache<string, string>({ max: rememberedMax });

  function newIdFor(keys: readonly string[]): string {
    const id = keys.map((key) => made.get(key)).find((one) => one !== undefined) ?? services.newId("cht");
    for (const key of keys) made.set(key, id);
    return id;
  }

  async function opened(sessionId: string, id: string, sealed: string): Promise<Conversation> {
    return { id, names: JSON.parse(await conversationPeople.open(atRest(sessionId), sealed, id)) as Names };
  }

  async function read(sessionId: string, jids: string[]): Promise<Conversation[]> {
    const cached = jids.map((jid) => known.get(keyOf(sessionId, jid)));
    if (cached.every((one) => one !== undefined)) return cached;
    const { rows } = await store.client.execute({
      sql: `SELECT DISTINCT conversation.id AS id, sealed FROM conversation_address AS address
            JOIN conversation ON conversation.session_id = address.session_id AND conversation.id = conversation_id
            WHERE address.session_id = ? AND address IN (SELECT value FROM json_each(?)) ORDER BY conversation.id`,
      args: [sessionId, JSON.stringify(jids.map(pseudonym))],
    });
    return Promise.all(rows.map((row) => opened(sessionId, text(row, "id"), text(row, "sealed"))));
  }

  return {
    async met(fence, names) {
      const { sessionId } = fence;
      const jids = addressesOf(names);
      const found = [...new Map((await read(sessionId, jids)).map((one) => [one.id, one])).values()];
      // Ids sort by time.
      const [oldest, ...others] = found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const all: Names = { pn: null, lid: null, group: null, name: null };
      for (const each of [...others.toReversed(), ...(oldest ? [oldest] : [])].map((one) => one.names)) {
        Object.assign(all, defined(each));
      }
      Object.assign(all, defined(names));
      const conversation = { id: oldest?.id ?? newIdFor(jids.map((jid) => keyOf(sessionId, jid))), names: all };
      const isKnown = oldest && others.length === 0 && JSON.stringify(oldest.names) === JSON.stringify(all);
      // Remembered only once it is stored, which the next call finds out.
      if (isKnown) for (const jid of jids) known.set(keyOf(sessionId, jid), conversation);
      else for (const jid of addressesOf(all)) known.delete(keyOf(sessionId, jid));
      return { conversation, statements: isKnown ? [] : await changes(fence, conversation, others) };
    },
    async find(sessionId, ids) {
      const { rows } = await store.client.execute({
        sql: `SELECT asked.value AS asked, conversation.id AS id, conversation.sealed AS sealed FROM json_each(?) AS asked
              JOIN conversation AS named ON named.session_id = ? AND named.id = asked.value
              JOIN conversation ON conversation.session_id = named.session_id
                AND conversation.id = coalesce(named.merged_into, named.id)`,
        args: [JSON.stringify([...new Set(ids)]), sessionId],
      });
      const found = rows.map(async (row): Promise<[string, Conversation]> => {
        const sealed = textOrNull(row, "sealed") ?? "";
        return [text(row, "asked"), await opened(sessionId, text(row, "id"), sealed)];
      });
      return new Map(await Promise.all(found));
    },
    byAddress: async (sessionId, jid) => (await read(sessionId, [jid]))[0] ?? null,
    forget(sessionId) {
      for (const keys of [known, made])
        for (const key of keys.keys()) if (key.startsWith(`${sessionId} `)) keys.delete(key);
    },
  };

  async function changes(fence: Fence, { id, names }: Conversation, merged: Conversation[]): Promise<InStatement[]> {
    const { sessionId } = fence;
    const guard = [sessionId, fence.fence];
    const sealed = await conversationPeople.seal(atRest(sessionId), JSON.stringify(names), id);
    return [
      {
        sql: `INSERT INTO conversation (session_id, id, sealed) SELECT ?, ?, ? WHERE ${fenceHolds}
              ON CONFLICT DO UPDATE SET sealed = excluded.sealed`,
        args: [sessionId, id, sealed, ...guard],
      },
      ...addressesOf(names).map((jid) => ({
        sql: `INSERT INTO conversation_address (session_id, address, conversation_id) SELECT ?, ?, ? WHERE ${fenceHolds}
              ON CONFLICT DO UPDATE SET conversation_id = excluded.conversation_id`,
        args: [sessionId, pseudonym(jid), id, ...guard],
      })),
      ...merged.map(({ id: other }) => reportMerge(fence, { from: other, into: id })),
      ...merged.flatMap(({ id: other }) => mergeStatements(fence, { from: other, into: id })),
    ];
  }

  /** Appends the event, unless another message has merged the two meanwhile. */
  function reportMerge({ sessionId, fence }: Fence, { from, into }: Merge): InStatement {
    const at = services.now();
    const about = { id: services.newId("evt"), sessionId, at: at.toISOString() };
    const event: NewEvent = { ...about, type: "chat.merged", chatId: into, mergedIds: [from] };
    return {
      sql: `INSERT INTO outbox (session_id, body, created_at) SELECT session_id, ?, ? FROM conversation
            WHERE session_id = ? AND id = ? AND merged_into IS NULL AND ${fenceHolds}`,
      args: [JSON.stringify(event), at.getTime(), sessionId, from, sessionId, fence],
    };
  }
}

const defined = (names: Partial<Names>): Partial<Names> =>
  Object.fromEntries(Object.entries(names).filter(([, value]) => typeof value === "string"));

interface Merge {
  from: string;
  into: string;
}

function mergeStatements({ sessionId, fence }: Fence, { from, into }: Merge): InStatement[] {
  const moved = (table: string, column: string) => ({
    sql: `UPDATE ${table} SET ${column} = ? WHERE session_id = ? AND ${column} = ? AND ${fenceHolds}`,
    args: [into, sessionId, from, sessionId, fence],
  });
  return [
    moved("conversation_address", "conversation_id"),
    moved("message", "conversation_id"),
    moved("message", "author"),
    moved("ledger", "conversation_id"),
    moved("conversation", "merged_into"),
    {
      sql: `UPDATE conversation SET latest = other.latest, kind = other.kind
            FROM (SELECT latest, kind FROM conversation WHERE session_id = ? AND id = ?) AS other
            WHERE session_id = ? AND id = ? AND coalesce(conversation.latest, '') < other.latest AND ${fenceHolds}`,
      args: [sessionId, from, sessionId, into, sessionId, fence],
    },
    {
      sql: `UPDATE OR REPLACE mark SET person = ? WHERE session_id = ? AND person = ? AND ${fenceHolds}`,
      args: [into, sessionId, from, sessionId, fence],
    },
    {
      sql: `UPDATE OR REPLACE receipt SET person = ? WHERE session_id = ? AND person = ? AND ${fenceHolds}`,
      args: [into, sessionId, from, sessionId, fence],
    },
    {
      sql: `UPDATE conversation SET merged_into = ?, latest = NULL WHERE session_id = ? AND id = ? AND ${fenceHolds}`,
      args: [into, sessionId, from, sessionId, fence],
    },
  ];
}
