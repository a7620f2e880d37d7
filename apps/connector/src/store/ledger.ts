import type { InStatement, Row } from "@libsql/client";
import { dateOrNull, text, textOrNull } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import { fenceHolds, type Fence, heldStatement, unlessHeld } from "./fence.ts";
import type { Store } from "./store.ts";

/** The delivery states of a message in order. A message only moves to a higher rank. */
export const rank = { sending: 1, sent: 2, delivered: 3, read: 4, played: 5, revoked: 8, failed: 9 } as const;

/** The sealed message and the sealed jid of its recipient; the id is WhatsApp's. */
export const ledgerMessage = sealedColumn("ledger", "sealed");
export const ledgerChat = sealedColumn("ledger", "sealed_chat");

/** A message that this connector has accepted: it connects WhatsApp's id with ours. */
export interface LedgerEntry {
  messageId: string;
  sessionId: string;
  waId: string;
  /** Pseudonyms of the recipient's jids: by phone number, and by LID once it is known. */
  chat: string | null;
  chatLid: string | null;
  rank: number;
  /** The message, for devices that ask for it again; deleted after `sealedUntil`. */
  sealed: string | null;
  sealedUntil: Date | null;
  /** The recipient's jid by phone number; deleted `chatKeptMs` after `sealedUntil`. */
  sealedChat: string | null;
  /** The W3C `traceparent` of the send. Later events of the message belong to the same trace. */
  traceparent: string | null;
  /** Its chat; null for a code. */
  conversationId?: string | null;
  /** How many others were in the group, or can see the story; null in a chat of two. */
  members?: number | null;
}

/** The recipient is kept for this long after the message, so that it can be revoked. */
const chatKeptMs = 15 * 60_000;

const columns =
  "message_id, session_id, wa_id, chat, chat_lid, rank, sealed, sealed_until, sealed_chat, traceparent, conversation_id, members";

export async function findByMessageId({ client }: Store, messageId: string): Promise<LedgerEntry | null> {
  const { rows } = await client.execute({
    sql: `SELECT ${columns} FROM ledger WHERE message_id = ?`,
    args: [messageId],
  });
  return rows[0] ? toEntry(rows[0]) : null;
}

export async function findByWaId({ client }: Store, sessionId: string, waId: string): Promise<LedgerEntry | null> {
  const sql = `SELECT ${columns} FROM ledger WHERE session_id = ? AND wa_id = ?`;
  const { rows } = await client.execute({ sql, args: [sessionId, waId] });
  return rows[0] ? toEntry(rows[0]) : null;
}

/** Finds entries with one read for any number of ids, because the sender of a receipt chooses how many it names. */
export async function findByWaIds(
  { client }: Store,
  sessionId: string,
  waIds: readonly string[],
): Promise<LedgerEntry[]> {
  const sql = `SELECT ${columns} FROM ledger WHERE session_id = ? AND wa_id IN (SELECT value FROM json_each(?))`;
  const { rows } = await client.execute({ sql, args: [sessionId, JSON.stringify(waIds)] });
  return rows.map(toEntry);
}

/** Entries of messages that are no codes: only these keep a pace. */
export async function findSentMessages({ client }: Pick<Store, "client">, sessionId: string, ids: readonly string[]) {
  const sql = `SELECT ${columns} FROM ledger WHERE session_id = ? AND is_bulk = 1
    AND message_id IN (SELECT value FROM json_each(?))`;
  const { rows } = await client.execute({ sql, args: [sessionId, JSON.stringify(ids)] });
  return rows.map(toEntry);
}

/** When the latest paced messages of a session were started, oldest first, in milliseconds since the epoch. */
export async function findPacedStarts(
  { client }: Store,
  sessionId: string,
  { since, limit }: { since: Date; limit: number },
): Promise<number[]> {
  const { rows } = await client.execute({
    sql: `SELECT created_at FROM ledger WHERE session_id = ? AND is_bulk = 1 AND created_at > ?
          ORDER BY created_at DESC LIMIT ?`,
    args: [sessionId, since.getTime(), limit],
  });
  return rows.map((row) => Number(row["created_at"])).toReversed();
}

/** Stores a message before it is sent. It replaces an earlier attempt, or the failed attempt of another session. */
export type BeginAttempt = (attempt: {
  fence: Fence;
  entry: LedgerEntry;
  at: Date;
  isPaced?: boolean;
}) => Promise<void>;

export function attemptWriter({ writer }: Pick<Store, "writer">): BeginAttempt {
  return writer.bulk<Parameters<BeginAttempt>[0], void>({
    statements(attempts) {
      const items = JSON.stringify(attempts.map(attemptValues));
      return [{ sql: attemptSql, args: [items] }, heldStatement(items)];
    },
    results: (attempts, [, held]) => unlessHeld(attempts.length, held!),
  });
}

/** The same as one statement, for a larger transaction. */
export function attemptStatement(attempt: Parameters<BeginAttempt>[0]): InStatement {
  return { sql: attemptSql, args: [JSON.stringify([attemptValues(attempt)])] };
}

const attemptSql = `
  INSERT INTO ledger (message_id, session_id, wa_id, chat, chat_lid, rank, sealed, sealed_until, created_at,
    sealed_chat, traceparent, is_bulk, conversation_id, members)
  SELECT item.value ->> 2, session.id, item.value ->> 3, item.value ->> 4, item.value ->> 5, item.value ->> 6,
         item.value ->> 7, item.value ->> 8, item.value ->> 9, item.value ->> 10, item.value ->> 11,
         item.value ->> 12, item.value ->> 13, item.value ->> 14
  FROM json_each(?) AS item JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
  WHERE true
  ON CONFLICT (message_id) DO UPDATE SET session_id = excluded.session_id, rank = excluded.rank,
    chat = excluded.chat, chat_lid = CASE WHEN session_id = excluded.session_id THEN chat_lid END,
    sealed = excluded.sealed, sealed_until = excluded.sealed_until, sealed_chat = excluded.sealed_chat,
    traceparent = excluded.traceparent, is_bulk = max(ledger.is_bulk, excluded.is_bulk),
    conversation_id = coalesce(excluded.conversation_id, ledger.conversation_id),
    members = coalesce(excluded.members, ledger.members)
  WHERE ledger.rank = ${rank.sending} OR (ledger.rank = ${rank.failed} AND ledger.session_id <> excluded.session_id)`;

function attemptValues({ fence, entry, at, isPaced = false }: Parameters<BeginAttempt>[0]) {
  const { messageId, waId, chat, chatLid, sealed, sealedUntil, sealedChat, traceparent } = entry;
  const { conversationId = null, members = null } = entry;
  const until = sealedUntil?.getTime() ?? null;
  const about = [messageId, waId, chat, chatLid, entry.rank, sealed, until];
  return [
    fence.sessionId,
    fence.fence,
    ...about,
    at.getTime(),
    sealedChat,
    traceparent,
    Number(isPaced),
    conversationId,
    members,
  ];
}

/** Replaces a message after an edit, unless a later edit is stored. */
export function editSentStatement(
  { sessionId, fence }: Fence,
  { waId, sealed, editedAt }: { waId: string; sealed: string; editedAt: Date },
): InStatement {
  return {
    sql: `UPDATE ledger SET sealed = ?, edited_at = ? WHERE session_id = ? AND wa_id = ? AND sealed IS NOT NULL
          AND rank < ${rank.revoked} AND coalesce(edited_at, 0) <= ? AND ${fenceHolds}`,
    args: [sealed, editedAt.getTime(), sessionId, waId, editedAt.getTime(), sessionId, fence],
  };
}

/** Deletes texts and recipients that have expired, and rows older than `ledgerDays`. */
export function sweepLedger(now: Date, { ledgerDays }: { ledgerDays: number }): InStatement[] {
  const at = now.getTime();
  return [
    { sql: "UPDATE ledger SET sealed = NULL WHERE sealed IS NOT NULL AND sealed_until <= ?", args: [at] },
    {
      sql: "UPDATE ledger SET sealed_chat = NULL WHERE sealed_chat IS NOT NULL AND sealed_until <= ?",
      args: [at - chatKeptMs],
    },
    {
      sql: `DELETE FROM ledger WHERE message_id IN (SELECT message_id FROM ledger WHERE created_at < ? LIMIT 1000)`,
      args: [at - ledgerDays * 86_400_000],
    },
  ];
}

function toEntry(row: Row): LedgerEntry {
  return {
    messageId: text(row, "message_id"),
    sessionId: text(row, "session_id"),
    waId: text(row, "wa_id"),
    chat: textOrNull(row, "chat"),
    chatLid: textOrNull(row, "chat_lid"),
    rank: Number(row["rank"]),
    sealed: textOrNull(row, "sealed"),
    sealedUntil: dateOrNull(row, "sealed_until"),
    sealedChat: textOrNull(row, "sealed_chat"),
    traceparent: textOrNull(row, "traceparent"),
    conversationId: textOrNull(row, "conversation_id"),
    members: row["members"] === null ? null : Number(row["members"]),
  };
}
