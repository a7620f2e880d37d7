import type { InStatement } from "@libsql/client";
import type { Fence } from "./fence.ts";
import { text } from "./row.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Store } from "./store.ts";

/** What a person did with a message. A later one of the same person and kind replaces it; pins have no person. */
export interface Mark {
  waId: string;
  kind: "reaction" | "vote" | "pin" | "star";
  /** The person's conversation; empty for the account itself. */
  person: string;
  sealed: string;
  eventId: string;
  /** By the clock of the person's phone. */
  markedAt: Date;
}

/** The reaction, the chosen options, the pin or the star; the id is the event's. */
export const markContent = sealedColumn("mark", "sealed");

export function markStatement({ sessionId, fence }: Fence, mark: Mark, now: Date): InStatement {
  const { waId, kind, person, sealed, eventId, markedAt } = mark;
  return {
    sql: `INSERT INTO mark (session_id, wa_id, kind, person, sealed, event_id, marked_at, received_at)
          SELECT session.id, ?, ?, ?, ?, ?, ?, ? FROM session WHERE session.id = ? AND session.fence = ?
          ON CONFLICT (session_id, wa_id, kind, person) DO UPDATE SET sealed = excluded.sealed,
            event_id = excluded.event_id, marked_at = excluded.marked_at, received_at = excluded.received_at
          WHERE mark.marked_at <= excluded.marked_at`,
    args: [waId, kind, person, sealed, eventId, markedAt.getTime(), now.getTime(), sessionId, fence],
  };
}

export async function findMarks({ client }: Pick<Store, "client">, sessionId: string, waIds: readonly string[]) {
  const sql = `SELECT wa_id, kind, person, sealed, event_id, marked_at FROM mark
    WHERE session_id = ? AND wa_id IN (SELECT value FROM json_each(?)) ORDER BY marked_at, person`;
  const { rows } = await client.execute({ sql, args: [sessionId, JSON.stringify(waIds)] });
  return rows.map((row): Mark => ({
    waId: text(row, "wa_id"),
    kind: text(row, "kind") as Mark["kind"],
    person: text(row, "person"),
    sealed: text(row, "sealed"),
    eventId: text(row, "event_id"),
    markedAt: new Date(Number(row["marked_at"])),
  }));
}
