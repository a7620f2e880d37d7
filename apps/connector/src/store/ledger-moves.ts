import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence, heldStatement, unlessHeld } from "./fence.ts";
import { rank } from "./ledger.ts";
import type { NewEvent } from "./outbox.ts";
import type { Store } from "./store.ts";

/** Moves a message to a higher rank and appends its new events to the outbox. */
export interface Move {
  fence: Fence;
  waId: string;
  to: number;
  chatLid: string | null;
  /** An event is appended only while the message is below this rank. */
  events: { event: NewEvent; below: number }[];
}

export function moveWriter({ writer }: Pick<Store, "writer">): (move: Move) => Promise<void> {
  return writer.bulk<Move, void>({
    statements(moves) {
      const items = JSON.stringify(
        moves.map(({ fence, waId, to, chatLid }) => [fence.sessionId, fence.fence, waId, to, chatLid]),
      );
      const events = moves.flatMap(({ fence, waId, events: all }) =>
        all.map(({ event, below }) => [
          fence.sessionId,
          fence.fence,
          waId,
          below,
          JSON.stringify(event),
          Date.parse(event.at),
        ]),
      );
      return [
        { sql: eventsSql, args: [JSON.stringify(events)] },
        { sql: moveSql, args: [items] },
        heldStatement(items),
      ];
    },
    results: (moves, [, , held]) => unlessHeld(moves.length, held!),
  });
}

const eventsSql = `
  INSERT INTO outbox (session_id, body, created_at)
  SELECT session.id, item.value ->> 4, item.value ->> 5
  FROM json_each(?) AS item
  JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
  JOIN ledger ON ledger.session_id = session.id AND ledger.wa_id = item.value ->> 2 AND ledger.rank < item.value ->> 3
  ORDER BY item.key`;

const moveSql = `
  UPDATE ledger SET rank = moved.rank, chat_lid = coalesce(moved.chat_lid, ledger.chat_lid)
  FROM (SELECT session.id AS session_id, item.value ->> 2 AS wa_id, max(item.value ->> 3) AS rank,
               max(item.value ->> 4) AS chat_lid
        FROM json_each(?) AS item
        JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1
        GROUP BY 1, 2) AS moved
  WHERE ledger.session_id = moved.session_id AND ledger.wa_id = moved.wa_id AND ledger.rank < moved.rank`;

/** Moves a message that is below a rank forward, and stores the recipient's LID. */
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

/** Takes back the failure of a message that the edge gave again. */
export function reopenStatement({ sessionId, fence }: Fence, waId: string): InStatement {
  return {
    sql: `UPDATE ledger SET rank = ${rank.sending} WHERE session_id = ? AND wa_id = ? AND rank = ${rank.failed} AND ${fenceHolds}`,
    args: [sessionId, waId, sessionId, fence],
  };
}

/** Marks a message as revoked and deletes it, so that no device gets it any more. */
export function revokedStatement({ sessionId, fence }: Fence, waId: string): InStatement {
  return {
    sql: `UPDATE ledger SET rank = ${rank.revoked}, sealed = NULL
          WHERE session_id = ? AND wa_id = ? AND rank < ${rank.revoked} AND ${fenceHolds}`,
    args: [sessionId, waId, sessionId, fence],
  };
}
