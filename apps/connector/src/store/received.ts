import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";
import { keptContent } from "./messages.ts";
import type { Store } from "./store.ts";

/** An older message is not reported. Ids are kept for this time, so that a message is reported once. */
export const receivedMaxAgeMs = 86_400_000;

interface Received {
  /** Pseudonym of WhatsApp's id. */
  waId: string;
  eventId: string;
  body: string;
  /** Sealed; null: the event has none. */
  content?: string | null;
  at: Date;
}

/** Notes that a message was received that needs no event. */
export function notedStatement(
  { sessionId, fence }: Fence,
  { waId, eventId, at }: Omit<Received, "body" | "content">,
): InStatement {
  return {
    sql: `INSERT INTO received (session_id, wa_id, event_id, received_at) SELECT ?, ?, ?, ? WHERE ${fenceHolds}
          ON CONFLICT DO NOTHING`,
    args: [sessionId, waId, eventId, at.getTime(), sessionId, fence],
  };
}

/** Appends an event of a message that the session has not received before. */
export function receivedStatements(fence: Fence, { waId, eventId, body, content = null, at }: Received): InStatement[] {
  const { sessionId } = fence;
  return [
    notedStatement(fence, { waId, eventId, at }),
    {
      sql: `INSERT INTO outbox (session_id, body, sealed_content, created_at) SELECT session_id, ?, ${keptContent("received")}, ? FROM received
            WHERE session_id = ? AND wa_id = ? AND event_id = ?`,
      args: [body, content, at.getTime(), sessionId, waId, eventId],
    },
  ];
}

/** Whether the message was reported. */
export async function wasReceived({ client }: Pick<Store, "client">, sessionId: string, waId: string) {
  const sql = "SELECT 1 FROM received WHERE session_id = ? AND wa_id = ?";
  return (await client.execute({ sql, args: [sessionId, waId] })).rows.length > 0;
}

/** Deletes ids of messages that would be too old to be reported now. */
export function sweepReceived(now: Date): InStatement[] {
  const sql = `DELETE FROM received WHERE (session_id, wa_id) IN
    (SELECT session_id, wa_id FROM received WHERE received_at < ? LIMIT 10000)`;
  return [{ sql, args: [now.getTime() - receivedMaxAgeMs] }];
}
