import type { InStatement, Row } from "@libsql/client";
import { fenceHolds, type Fence } from "./sessions.ts";
import type { Store } from "./store.ts";

/** How far a message has come; only ever forward. */
export const rank = { sending: 1, sent: 2, delivered: 3, read: 4, failed: 9 } as const;

/** A message that was taken on: what ties WhatsApp's id to ours. */
export interface LedgerEntry {
  messageId: string;
  sessionId: string;
  waId: string;
  /** The recipient's jid by phone number, and by LID once it is known. */
  chat: string | null;
  chatLid: string | null;
  rank: number;
  /** The message as it is encrypted for devices that ask again; gone once `sealedUntil` has passed. */
  sealed: string | null;
  sealedUntil: Date | null;
}

const columns = "message_id, session_id, wa_id, chat, chat_lid, rank, sealed, sealed_until";

export async function findByMessageId({ client }: Store, messageId: string): Promise<LedgerEntry | null> {
  const { rows } = await client.execute({ sql: `SELECT ${columns} FROM ledger WHERE message_id = ?`, args: [messageId] });
  return rows[0] ? toEntry(rows[0]) : null;
}

export async function findByWaId({ client }: Store, sessionId: string, waId: string): Promise<LedgerEntry | null> {
  const sql = `SELECT ${columns} FROM ledger WHERE session_id = ? AND wa_id = ?`;
  const { rows } = await client.execute({ sql, args: [sessionId, waId] });
  return rows[0] ? toEntry(rows[0]) : null;
}

/** What is about to be sent. Another attempt at the same message replaces the first. */
export function attemptStatement({ sessionId, fence }: Fence, entry: LedgerEntry, now: Date): InStatement {
  return {
    sql: `INSERT INTO ledger (message_id, session_id, wa_id, chat, chat_lid, rank, sealed, sealed_until, created_at)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ${fenceHolds}
          ON CONFLICT (message_id) DO UPDATE SET chat = excluded.chat, sealed = excluded.sealed,
            sealed_until = excluded.sealed_until WHERE ledger.rank = ${rank.sending}`,
    args: [
      entry.messageId,
      sessionId,
      entry.waId,
      entry.chat,
      entry.chatLid,
      entry.rank,
      entry.sealed,
      entry.sealedUntil?.getTime() ?? null,
      now.getTime(),
      sessionId,
      fence,
    ],
  };
}

/** Moves a message that is below a rank forward, and learns the recipient's LID on the way. */
export function advanceStatement(
  { sessionId, fence }: Fence,
  { waId, to, below, chatLid }: { waId: string; to: number; below: number; chatLid: string | null },
): InStatement {
  return {
    sql: `UPDATE ledger SET rank = ?, chat_lid = coalesce(?, chat_lid)
          WHERE session_id = ? AND wa_id = ? AND rank < ? AND ${fenceHolds}`,
    args: [to, chatLid, sessionId, waId, below, sessionId, fence],
  };
}

/** Forgets the texts that have lapsed and the rows that are old; answers how many rows changed. */
export async function sweepLedger({ writer }: Store, now: Date, days: number): Promise<number> {
  const at = now.getTime();
  const results = await writer.write([
    { sql: "UPDATE ledger SET sealed = NULL WHERE sealed IS NOT NULL AND sealed_until <= ?", args: [at] },
    {
      sql: `DELETE FROM ledger WHERE message_id IN (SELECT message_id FROM ledger WHERE created_at < ? LIMIT 1000)`,
      args: [at - days * 86_400_000],
    },
    { sql: "DELETE FROM number WHERE until <= ?", args: [at] },
    { sql: "DELETE FROM session WHERE gone_at < ?", args: [at - 90 * 86_400_000] },
  ]);
  return results.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0);
}

function toEntry(row: Row): LedgerEntry {
  const text = (name: string) => (row[name] === null ? null : String(row[name]));
  return {
    messageId: String(row["message_id"]),
    sessionId: String(row["session_id"]),
    waId: String(row["wa_id"]),
    chat: text("chat"),
    chatLid: text("chat_lid"),
    rank: Number(row["rank"]),
    sealed: text("sealed"),
    sealedUntil: row["sealed_until"] === null ? null : new Date(Number(row["sealed_until"])),
  };
}
