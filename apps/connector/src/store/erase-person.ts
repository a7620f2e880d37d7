import type { InStatement } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { conversationPeople, type Names } from "./conversations.ts";
import { fenceHolds, type Fence, writeFenced } from "./fence.ts";
import { rank } from "./ledger.ts";
import type { Pseudonym } from "./pseudonyms.ts";
import { text, textOrNull } from "./row.ts";
import { openEvent } from "./sealed-events.ts";
import type { Store } from "./store.ts";

/** The chats with one person in one session: their ids, former ones too, and what they say of the person. */
export interface ChatsOfPerson {
  ids: string[];
  names: Names[];
  /** Those of the given ids that are groups': nobody is erased by them. */
  groups: string[];
}

/** Finds the chats of two with these ids, or with a person of these jids. */
export async function findChatsOf(
  { client }: Pick<Store, "client">,
  { sessionId, atRest, pseudonym }: { sessionId: string; atRest: AtRest; pseudonym: Pseudonym },
  named: { ids: string[]; jids: string[] },
): Promise<ChatsOfPerson> {
  const { rows } = await client.execute({
    sql: `WITH named AS (SELECT coalesce(merged_into, id) AS id FROM conversation
            WHERE session_id = ?1 AND id IN (SELECT value FROM json_each(?2))
          UNION SELECT conversation_id FROM conversation_address
            WHERE session_id = ?1 AND address IN (SELECT value FROM json_each(?3)))
          SELECT id, sealed FROM conversation WHERE session_id = ?1 AND coalesce(merged_into, id) IN (SELECT id FROM named)`,
    args: [sessionId, JSON.stringify(named.ids), JSON.stringify(named.jids.map(pseudonym))],
  });
  const all = await Promise.all(
    rows.map(async (row) => {
      const id = text(row, "id");
      return { id, names: JSON.parse(await conversationPeople.open(atRest, text(row, "sealed"), id)) as Names };
    }),
  );
  const people = all.filter(({ names }) => names.group === null);
  const groups = all.flatMap(({ id, names }) => (names.group === null ? [] : [id]));
  return { ids: people.map(({ id }) => id), names: people.map(({ names }) => names), groups };
}

/** Deletes some messages of these chats, and some that these people wrote elsewhere. `mediaIds`: their files at the edge. */
export async function deleteMessagesOf(
  store: Store,
  fence: Fence,
  { ids, limit }: { ids: string[]; limit: number },
): Promise<{ messages: number; marks: number; mediaIds: string[] }> {
  const { rows } = await store.client.execute({
    sql: `SELECT wa_id, (SELECT media_id FROM download WHERE session_id = ?1 AND download.wa_id = theirs.wa_id) AS media_id
          FROM (SELECT wa_id FROM message WHERE session_id = ?1 AND conversation_id IN (SELECT value FROM json_each(?2))
            UNION SELECT wa_id FROM message WHERE session_id = ?1 AND author IN (SELECT value FROM json_each(?2))) AS theirs
          LIMIT ?3`,
    args: [fence.sessionId, JSON.stringify(ids), limit],
  });
  if (rows.length === 0) return { messages: 0, marks: 0, mediaIds: [] };
  const waIds = JSON.stringify(rows.map((row) => text(row, "wa_id")));
  const ofThese = (table: string) =>
    guarded(`DELETE FROM ${table} WHERE session_id = ? AND wa_id IN (SELECT value FROM json_each(?))`, fence, [
      fence.sessionId,
      waIds,
    ]);
  const [marks, messages] = await writeFenced(store, fence, [ofThese("mark"), ofThese("message")]);
  const mediaIds = rows.flatMap((row) => textOrNull(row, "media_id") ?? []);
  return { messages: messages!.rowsAffected, marks: marks!.rowsAffected, mediaIds };
}

/** Deletes the person and the message from the ledger's entries of sends that are over. The entries stay: no message is sent twice. */
export async function strikeSends(
  store: Store,
  fence: Fence,
  { people, ids, at }: { people: string[]; ids: string[]; at: { requested: Date; stuck: Date } },
): Promise<{ struck: string[]; isAnyRunning: boolean }> {
  const list = JSON.stringify(people);
  const isTheirs = `session_id = ?1 AND (chat IN (SELECT value FROM json_each(?2))
    OR chat_lid IN (SELECT value FROM json_each(?2)) OR conversation_id IN (SELECT value FROM json_each(?6)))`;
  const isRunning = `rank = ${rank.sending} AND created_at > ?3`;
  const args = [fence.sessionId, list, at.stuck.getTime(), at.requested.getTime(), fence.fence, JSON.stringify(ids)];
  const [struck, running] = await writeFenced(store, fence, [
    {
      sql: `UPDATE ledger SET chat = NULL, chat_lid = NULL, conversation_id = NULL, sealed = NULL, sealed_chat = NULL
            WHERE ${isTheirs} AND NOT (${isRunning}) AND created_at <= ?4
              AND EXISTS (SELECT 1 FROM session WHERE id = ?1 AND fence = ?5) RETURNING wa_id`,
      args,
    },
    {
      sql: `SELECT 1 FROM ledger WHERE ${isTheirs} AND ${isRunning} AND created_at <= ?4 AND ?5 IS NOT NULL LIMIT 1`,
      args,
    },
  ]);
  return { struck: struck!.rows.map((row) => text(row, "wa_id")), isAnyRunning: running!.rows.length > 0 };
}

const page = 200;

/** Deletes events about these chats and people that the edge does not have yet. Events of sends stay: they hold no person. */
export async function deleteEventsOf(
  store: Store,
  { fence, atRest }: { fence: Fence; atRest: AtRest },
  { ids, personIds }: { ids: string[]; personIds: string[] },
): Promise<void> {
  // The edge waits for these to know that a message was sent.
  const list = JSON.stringify(ids);
  await writeFenced(store, fence, [
    guarded(
      `UPDATE outbox SET body = json_remove(body, '$.chatId') WHERE session_id = ? AND body ->> '$.type' = 'message.sent'
        AND body ->> '$.chatId' IN (SELECT value FROM json_each(?))`,
      fence,
      [fence.sessionId, list],
    ),
  ]);
  const named = new Set([...ids, ...personIds]);
  const found: number[] = [];
  const ofAccount: number[] = [];
  for (let after = 0; ;) {
    const { rows } = await store.client.execute({
      sql: "SELECT seq, body FROM outbox WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?",
      args: [fence.sessionId, after, page],
    });
    for (const row of rows) {
      const event = await openEvent(() => atRest, text(row, "body")).catch(() => null);
      if (event && isAbout(event, named)) found.push(Number(row["seq"]));
      else if (event && "personId" in event && event.personId === null) ofAccount.push(Number(row["seq"]));
    }
    if (rows.length < page) break;
    after = Number(rows.at(-1)!["seq"]);
  }
  if (found.length + ofAccount.length === 0) return;
  const which = "seq IN (SELECT value FROM json_each(?))";
  await writeFenced(store, fence, [
    guarded(`DELETE FROM outbox WHERE ${which}`, fence, [JSON.stringify(found)]),
    // What the account did with messages: it may be in a chat with the person.
    guarded(`UPDATE outbox SET sealed_content = NULL WHERE ${which}`, fence, [JSON.stringify(ofAccount)]),
  ]);
}

function isAbout(event: object, named: ReadonlySet<string>): boolean {
  const { chatId, personId, message } = event as Partial<Record<"chatId" | "personId", string>> & {
    message?: { chatId: string; personId: string | null };
  };
  return [chatId, personId, message?.chatId, message?.personId].some(
    (one) => typeof one === "string" && named.has(one),
  );
}

/** Deletes the chats themselves, and what the person did with messages of others. */
export async function deleteChats(
  store: Store,
  fence: Fence,
  { ids, people }: { ids: string[]; people: string[] },
): Promise<{ chats: number; marks: number }> {
  const { sessionId } = fence;
  const among = (table: string, column: string, values: string[]) =>
    guarded(`DELETE FROM ${table} WHERE session_id = ? AND ${column} IN (SELECT value FROM json_each(?))`, fence, [
      sessionId,
      JSON.stringify(values),
    ]);
  const [marks, chats] = await writeFenced(store, fence, [
    among("mark", "person", ids),
    among("conversation", "id", ids),
    among("conversation_address", "conversation_id", ids),
    among("chat", "person", people),
    among("receipt", "person", ids),
    // What the account did in the chat, and options of messages, for as long as they are kept.
    among("action", "chat", people),
    among("numbered", "chat", people),
  ]);
  return { chats: chats!.rowsAffected, marks: marks!.rowsAffected };
}

const guarded = (sql: string, { sessionId, fence }: Fence, args: string[]): InStatement => ({
  sql: `${sql} AND ${fenceHolds}`,
  args: [...args, sessionId, fence],
});
