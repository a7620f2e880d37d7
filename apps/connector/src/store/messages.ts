import type { InStatement, Row } from "@libsql/client";
import type { AtRest } from "@sandi/crypto";
import { fenceHolds, type Fence } from "./fence.ts";
import { text, textOrNull } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

const hourMs = 3_600_000;
/** How long contents are kept until the edge has said how long. */
export const usualContentMs = 72 * hourMs;
/** Rows stay this long at least: WhatsApp may deliver a message again. */
const leastKeptMs = 24 * hourMs;

/** A message of a chat, as it is stored. */
export interface MessageRow {
  id: string;
  waId: string;
  conversationId: string;
  /** The author's conversation; null: the account itself. */
  author: string | null;
  type: string;
  sealed: string | null;
  revokedAt: number | null;
  /** Sorts the messages of a session by time. */
  position: string;
  /** Where the account's owner wrote it; null: somebody else did, or it is older than this column. */
  origin: "api" | "phone" | "device" | null;
}

/** What is sealed; the id is the message's own. */
export const messageContent = sealedColumn("message", "sealed");

export interface NewMessage extends Omit<MessageRow, "revokedAt"> {
  /** The tokens of its words. */
  words: readonly string[];
  eventId: string;
  at: Date;
}

/** The position of a message whose id sorts by the time when it was written. */
export const positionOf = (id: string) => id.slice(id.indexOf("_") + 1);

/** What type a message has until it can be read. */
export const undecryptable = "undecryptable";

/** Stores a message that the session has not received before, or could not read before. */
export const messageStatement = (fence: Fence, message: NewMessage): InStatement =>
  insertion(
    fence,
    message,
    `type = excluded.type, sealed = excluded.sealed, words = excluded.words, event_id = excluded.event_id
      WHERE message.type = '${undecryptable}' AND excluded.type <> '${undecryptable}'
        AND message.deleted_at IS NULL`,
  );

/** Stores a message that is sent through the API now. An earlier attempt at it is replaced. */
export const sentMessageStatement = (fence: Fence, message: Omit<NewMessage, "eventId" | "author" | "origin">) =>
  insertion(
    fence,
    { ...message, eventId: "", author: null, origin: "api" },
    `conversation_id = excluded.conversation_id, type = excluded.type, sealed = excluded.sealed, words = excluded.words,
      position = excluded.position, received_at = excluded.received_at`,
  );

function insertion({ sessionId, fence }: Fence, message: NewMessage, onConflict: string): InStatement {
  const { waId, id, conversationId, author, type, sealed, eventId, at, position, origin, words } = message;
  const content = [sealed, wordsColumn(words)];
  return {
    sql: `INSERT INTO message (session_id, wa_id, id, conversation_id, author, type, sealed, words, event_id, received_at,
            position, origin)
          SELECT session.id, ?, ?, ${current}, ${current}, ?, iif(content_ms = 0, NULL, ?), iif(content_ms = 0, NULL, ?),
            ?, ?, ?, ? FROM session WHERE session.id = ? AND session.fence = ?
          ON CONFLICT (session_id, wa_id) DO UPDATE SET ${onConflict}`,
    args: [
      waId,
      id,
      conversationId,
      conversationId,
      author,
      author,
      type,
      ...content,
      eventId,
      at.getTime(),
      position,
      origin,
      sessionId,
      fence,
    ],
  };
}

/** The tokens as they are stored; null: there are none. */
export const wordsColumn = (words: readonly string[]) => (words.length === 0 ? null : JSON.stringify(words));

/** The id that a conversation has now: another message may have merged it meanwhile. */
const current = `coalesce((SELECT merged_into FROM conversation
  WHERE conversation.session_id = session.id AND conversation.id = ?), ?)`;

/** Appends an event, if the message was stored with this event's id. */
export function eventOfStatement(
  { sessionId, fence }: Fence,
  {
    waId,
    eventId,
    body,
    content,
    at,
  }: Pick<NewMessage, "waId" | "eventId" | "at"> & { body: string; content: string | null },
): InStatement {
  return {
    sql: `INSERT INTO outbox (session_id, body, sealed_content, created_at) SELECT session_id, ?, ${keptContent("message")}, ? FROM message
          WHERE session_id = ? AND wa_id = ? AND event_id = ? AND ${fenceHolds}`,
    args: [body, content, at.getTime(), sessionId, waId, eventId, sessionId, fence],
  };
}

/** Replaces the content after an edit, unless a later edit is stored. */
export function editStatement(
  { sessionId, fence }: Fence,
  { waId, sealed, words, editedAt }: Pick<NewMessage, "waId" | "sealed" | "words"> & { editedAt: Date },
): InStatement {
  const at = editedAt.getTime();
  return {
    sql: `UPDATE message SET sealed = ?, words = ?, edited_at = ? WHERE session_id = ? AND wa_id = ?
          AND revoked_at IS NULL AND coalesce(edited_at, 0) <= ? AND ${fenceHolds}`,
    args: [sealed, sealed === null ? null : wordsColumn(words), at, sessionId, waId, at, sessionId, fence],
  };
}

/** Deletes the content of a message that was deleted for everyone. */
export function revokeStatement({ sessionId, fence }: Fence, waId: string, at: Date): InStatement {
  return {
    sql: `UPDATE message SET sealed = NULL, words = NULL, revoked_at = ? WHERE session_id = ? AND wa_id = ?
          AND revoked_at IS NULL AND ${fenceHolds}`,
    args: [at.getTime(), sessionId, waId, sessionId, fence],
  };
}

/** Deletes a message that was not sent and will not be sent. */
export function unsentStatement({ sessionId, fence }: Fence, waId: string): InStatement {
  return {
    sql: `DELETE FROM message WHERE session_id = ? AND wa_id = ? AND ${fenceHolds}`,
    args: [sessionId, waId, sessionId, fence],
  };
}

/** Deletes the content of a message that the account deleted for itself alone. */
export function deleteForMeStatement({ sessionId, fence }: Fence, waId: string, at: Date): InStatement {
  return {
    sql: `UPDATE message SET sealed = NULL, words = NULL, deleted_at = ? WHERE session_id = ? AND wa_id = ?
          AND deleted_at IS NULL AND ${fenceHolds}`,
    args: [at.getTime(), sessionId, waId, sessionId, fence],
  };
}

/** The columns of a `MessageRow`. */
export const messageColumns = "id, wa_id, conversation_id, author, type, sealed, revoked_at, position, origin";

export async function findMessage({ client }: Pick<Store, "client">, sessionId: string, waId: string) {
  const sql = `SELECT ${messageColumns} FROM message WHERE session_id = ? AND wa_id = ?`;
  const { rows } = await client.execute({ sql, args: [sessionId, waId] });
  return rows[0] ? toMessage(rows[0]) : null;
}

export async function findMessages(
  { client }: Pick<Store, "client">,
  sessionId: string,
  ids: readonly string[],
): Promise<MessageRow[]> {
  const sql = `SELECT ${messageColumns} FROM message WHERE session_id = ? AND id IN (SELECT value FROM json_each(?))`;
  const { rows } = await client.execute({ sql, args: [sessionId, JSON.stringify(ids)] });
  return rows.map(toMessage);
}

/** What a message holds, opened; null when it is not kept. */
export async function openBody<Content>(atRest: AtRest, { id, sealed }: Pick<MessageRow, "id" | "sealed">) {
  return sealed === null ? null : (JSON.parse(await messageContent.open(atRest, sealed, id)) as Content);
}

/** Stores how long a session keeps contents, as the edge says. */
export async function storeContentMs({ writer }: Pick<Store, "writer">, kept: Record<string, number>): Promise<void> {
  const sql = `UPDATE session SET content_ms = item.value FROM json_each(?) AS item
    WHERE session.id = item.key AND session.content_ms IS NOT item.value`;
  const dropping = Object.keys(kept).filter((sessionId) => kept[sessionId] === 0);
  await writer.write([
    { sql, args: [JSON.stringify(kept)] },
    ...(dropping.length === 0 ? [] : [deleteContentsStatement(dropping)]),
  ]);
}

/** In SQL the content of an event of a row, which is the next argument; null when its session keeps no contents. */
export const keptContent = (table: string) =>
  `iif((SELECT content_ms FROM session WHERE session.id = ${table}.session_id) = 0, NULL, ?)`;

/** Deletes the contents of events that wait for the edge. */
export const deleteContentsStatement = (sessionIds: readonly string[]): InStatement => ({
  sql: `UPDATE outbox SET sealed_content = NULL WHERE sealed_content IS NOT NULL
        AND session_id IN (SELECT value FROM json_each(?))`,
  args: [JSON.stringify(sessionIds)],
});

/** In SQL how long the session of a row keeps contents. */
const kept = (table: string) =>
  `coalesce((SELECT content_ms FROM session WHERE id = ${table}.session_id), ${usualContentMs})`;

/** Deletes messages, marks and contents of events that are older than their session keeps them. */
export function sweepMessages(now: Date): InStatement[] {
  const at = now.getTime();
  const old = (table: string, least: number) =>
    `${table}.received_at <= ${at - least} AND ${table}.received_at <= ${at} - ${kept(table)}`;
  return [
    `UPDATE message SET sealed = NULL, words = NULL WHERE sealed IS NOT NULL AND ${old("message", 0)}`,
    `DELETE FROM message WHERE (session_id, wa_id) IN
      (SELECT session_id, wa_id FROM message WHERE ${old("message", leastKeptMs)} LIMIT 10000)`,
    `DELETE FROM mark WHERE ${old("mark", 0)}`,
    `UPDATE outbox SET sealed_content = NULL WHERE sealed_content IS NOT NULL AND created_at <= ${at} - ${kept("outbox")}`,
  ].map((sql) => ({ sql, args: [] }));
}

export function toMessage(row: Row): MessageRow {
  return {
    id: text(row, "id"),
    waId: text(row, "wa_id"),
    conversationId: text(row, "conversation_id"),
    author: textOrNull(row, "author"),
    type: text(row, "type"),
    sealed: textOrNull(row, "sealed"),
    revokedAt: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
    position: text(row, "position"),
    origin: textOrNull(row, "origin") as MessageRow["origin"],
  };
}
