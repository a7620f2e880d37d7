import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";
import { rank } from "./ledger.ts";
import { text } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** A message whose options were sent as a numbered text. */
export interface NumberedRow {
  /** WhatsApp's id of it. */
  waId: string;
  messageId: string;
  /** Its options. */
  sealed: string;
}

/** The sealed options; the id is WhatsApp's of the message. */
export const numberedOptions = sealedColumn("numbered", "sealed");

interface NewNumbered extends NumberedRow {
  /** The pseudonym of the jid that it is sent to. */
  chat: string;
  at: Date;
  until: Date;
}

export function numberedStatement({ sessionId, fence }: Fence, message: NewNumbered): InStatement {
  const { waId, messageId, chat, sealed, at, until } = message;
  return {
    sql: `INSERT OR REPLACE INTO numbered (session_id, wa_id, message_id, chat, sealed, sent_at, until)
          SELECT ?, ?, ?, ?, ?, ?, ? WHERE ${fenceHolds}`,
    args: [sessionId, waId, messageId, chat, sealed, at.getTime(), until.getTime(), sessionId, fence],
  };
}

interface Asked {
  sessionId: string;
  /** Pseudonyms of the chat's jids. */
  chat: string[];
  /** WhatsApp's id of the quoted message; null: the latest one of the chat. */
  quoted: string | null;
  now: Date;
}

/** The message that a reply in a chat is about. One that failed or was deleted for everyone is none. */
export async function findNumbered(
  { client }: Pick<Store, "client">,
  { sessionId, chat, quoted, now }: Asked,
): Promise<NumberedRow | null> {
  const { rows } = await client.execute({
    sql: `SELECT numbered.wa_id AS wa_id, numbered.message_id AS message_id, numbered.sealed AS sealed
          FROM numbered JOIN ledger ON ledger.session_id = numbered.session_id AND ledger.wa_id = numbered.wa_id
          WHERE numbered.session_id = ? AND numbered.chat IN (SELECT value FROM json_each(?))
            AND numbered.wa_id = coalesce(?, numbered.wa_id) AND numbered.until > ? AND ledger.rank < ${rank.revoked}
          ORDER BY numbered.sent_at DESC LIMIT 1`,
    args: [sessionId, JSON.stringify(chat), quoted, now.getTime()],
  });
  const [row] = rows;
  return row ? { waId: text(row, "wa_id"), messageId: text(row, "message_id"), sealed: text(row, "sealed") } : null;
}

/** Deletes options that nobody can choose any more. */
export function sweepNumbered(now: Date): InStatement[] {
  return [{ sql: "DELETE FROM numbered WHERE until <= ?", args: [now.getTime()] }];
}
