import type { InStatement, Row } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { z } from "zod";
import type { ReceivedContent } from "../content/kind.ts";
import { contentTokens } from "../inbound/message-words.ts";
import { conversationPeople } from "../store/conversations.ts";
import type { Fence } from "../store/fence.ts";
import { markContent } from "../store/marks.ts";
import { messageContent, positionOf, wordsColumn } from "../store/messages.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import { text, textOrNull } from "../store/row.ts";
import type { Store } from "../store/store.ts";

/** Where the file of a message is; absent for one without a file that can be fetched. */
const MovedDownload = z.object({
  state: z.string(),
  mediaId: z.string().nullable(),
  attempts: z.number(),
  dueAt: z.number().nullable(),
});

const Names = z.looseObject({ pn: z.string().nullable(), lid: z.string().nullable(), group: z.string().nullable() });

/**
 * What people wrote to a session, on its way to another database. Pseudonyms are those of one database, so the values that
 * they stand for are moved: WhatsApp's ids in the contents, and the jids. Messages without a content are left behind.
 */
export const MovedChats = z.object({
  conversations: z.array(z.object({ id: z.string(), names: Names, mergedInto: z.string().nullable() })),
  messages: z.array(
    z.object({
      id: z.string(),
      conversationId: z.string(),
      author: z.string().nullable(),
      type: z.string(),
      body: z.looseObject({ waId: z.string(), content: z.looseObject({ type: z.string() }) }),
      eventId: z.string(),
      receivedAt: z.number(),
      editedAt: z.number().nullable(),
      /** Files written before sent messages were kept have neither. */
      position: z.string().optional(),
      origin: z.string().nullish(),
      download: MovedDownload.optional(),
    }),
  ),
  marks: z.array(
    z.object({
      kind: z.string(),
      person: z.string(),
      value: z.looseObject({ target: z.string() }),
      eventId: z.string(),
      markedAt: z.number(),
      receivedAt: z.number(),
    }),
  ),
});
export type MovedChats = z.infer<typeof MovedChats>;

/** Reads all chats of a session. Rejects when a value does not open. */
export async function readChats({ client }: Store, sessionId: string, atRest: AtRest): Promise<MovedChats> {
  const all = async (table: string) =>
    (await client.execute({ sql: `SELECT * FROM ${table} WHERE session_id = ?`, args: [sessionId] })).rows;
  const tables = [all("conversation"), all("message"), all("mark"), all("download")] as const;
  const [conversations, messages, marks, downloads] = await Promise.all(tables);
  const byMessage = new Map(downloads.map((row) => [text(row, "wa_id"), row]));
  return MovedChats.parse({
    conversations: await Promise.all(
      conversations.map(async (row) => {
        const id = text(row, "id");
        const names: unknown = JSON.parse(await conversationPeople.open(atRest, text(row, "sealed"), id));
        return { id, names, mergedInto: row["merged_into"] };
      }),
    ),
    messages: await Promise.all(
      messages
        .filter((row) => row["sealed"] !== null)
        .map(async (row) => {
          const id = text(row, "id");
          const body: unknown = JSON.parse(await messageContent.open(atRest, text(row, "sealed"), id));
          return {
            id,
            conversationId: text(row, "conversation_id"),
            author: textOrNull(row, "author"),
            type: text(row, "type"),
            body,
            eventId: text(row, "event_id"),
            receivedAt: row["received_at"],
            editedAt: row["edited_at"],
            position: row["position"],
            origin: row["origin"],
            download: downloadIn(byMessage.get(text(row, "wa_id"))),
          };
        }),
    ),
    marks: await Promise.all(
      marks.map(async (row) => {
        const eventId = text(row, "event_id");
        const value: unknown = JSON.parse(await markContent.open(atRest, text(row, "sealed"), eventId));
        const { kind, person, marked_at: markedAt, received_at: receivedAt } = row;
        return { kind, person, value, eventId, markedAt, receivedAt };
      }),
    ),
  });
}

const downloadIn = (row: Row | undefined) =>
  row && { state: row["state"], mediaId: row["media_id"], attempts: row["attempts"], dueAt: row["due_at"] };

const held = "FROM json_each(?) AS item JOIN session ON session.id = ? AND session.fence = ? WHERE true";

/** Stores them, if this process holds the session. */
export async function chatStatements(
  { sessionId, fence }: Fence,
  moved: MovedChats,
  { atRest, pseudonym }: { atRest: AtRest; pseudonym: Pseudonym },
): Promise<InStatement[]> {
  const latest = new Map<string, string>();
  for (const { id, conversationId, position = positionOf(id) } of moved.messages) {
    if (position > (latest.get(conversationId) ?? "")) latest.set(conversationId, position);
  }
  const conversations = moved.conversations.map(async ({ id, names, mergedInto }) => [
    id,
    await conversationPeople.seal(atRest, JSON.stringify(names), id),
    mergedInto,
    names.group === null ? "person" : "group",
    latest.get(id) ?? null,
  ]);
  const addresses = moved.conversations.flatMap(({ id, names, mergedInto }) =>
    [names.pn, names.lid, names.group].flatMap((jid) =>
      jid === null || mergedInto !== null ? [] : [[pseudonym(jid), id]],
    ),
  );
  const messages = moved.messages.map(async ({ id, conversationId, author, type, body, ...row }) => [
    pseudonym(body.waId),
    id,
    conversationId,
    author,
    type,
    await messageContent.seal(atRest, JSON.stringify(body), id),
    row.eventId,
    row.receivedAt,
    row.editedAt,
    row.position ?? positionOf(id),
    row.origin ?? null,
    wordsColumn(contentTokens(pseudonym, sessionId, body.content as ReceivedContent)),
  ]);
  const downloads = moved.messages.flatMap(({ body, download }) =>
    download ? [[pseudonym(body.waId), download.state, download.mediaId, download.attempts, download.dueAt]] : [],
  );
  const marks = moved.marks.map(async ({ kind, person, value, eventId, markedAt, receivedAt }) => [
    pseudonym(value.target),
    kind,
    person,
    await markContent.seal(atRest, JSON.stringify(value), eventId),
    eventId,
    markedAt,
    receivedAt,
  ]);
  const insert = (table: string, columns: string, rows: unknown[][]): InStatement => ({
    sql: `INSERT INTO ${table} (session_id, ${columns})
          SELECT session.id, ${columns
            .split(", ")
            .map((_, i) => `item.value ->> ${i}`)
            .join(", ")} ${held} ON CONFLICT DO NOTHING`,
    args: [JSON.stringify(rows), sessionId, fence],
  });
  const message =
    "wa_id, id, conversation_id, author, type, sealed, event_id, received_at, edited_at, position, origin, words";
  return [
    insert("conversation", "id, sealed, merged_into, kind, latest", await Promise.all(conversations)),
    insert("conversation_address", "address, conversation_id", addresses),
    insert("message", message, await Promise.all(messages)),
    insert("download", "wa_id, state, media_id, attempts, due_at", downloads),
    insert("mark", "wa_id, kind, person, sealed, event_id, marked_at, received_at", await Promise.all(marks)),
  ];
}
