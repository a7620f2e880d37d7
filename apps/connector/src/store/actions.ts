import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";
import { text } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** Something that the account did with a message: a message of its own to WhatsApp. */
export interface StoredAction {
  /** WhatsApp's id of it. */
  waId: string;
  /** Pseudonym of the chat's jid. */
  chat: string;
  sealed: string;
}

/** The message that was sent; the id is WhatsApp's. */
export const actionMessage = sealedColumn("action", "sealed");

/** Repetitions of a request come within a day, and so do devices that ask again. */
const keptMs = 86_400_000;

/** Stores an action before it is sent. A repetition keeps what the first attempt may have sent. */
export function actionStatement(
  { sessionId, fence }: Fence,
  { waId, chat, sealed }: StoredAction,
  at: Date,
): InStatement {
  return {
    sql: `INSERT INTO action (session_id, wa_id, chat, sealed, created_at) SELECT ?, ?, ?, ?, ? WHERE ${fenceHolds}
          ON CONFLICT DO NOTHING`,
    args: [sessionId, waId, chat, sealed, at.getTime(), sessionId, fence],
  };
}

export async function findAction({ client }: Pick<Store, "client">, sessionId: string, waId: string) {
  const sql = "SELECT chat, sealed FROM action WHERE session_id = ? AND wa_id = ?";
  const { rows } = await client.execute({ sql, args: [sessionId, waId] });
  return rows[0] ? { waId, chat: text(rows[0], "chat"), sealed: text(rows[0], "sealed") } : null;
}

export function sweepActions(now: Date): InStatement[] {
  const sql = `DELETE FROM action WHERE (session_id, wa_id) IN
    (SELECT session_id, wa_id FROM action WHERE created_at <= ? LIMIT 10000)`;
  return [{ sql, args: [now.getTime() - keptMs] }];
}
