import type { InStatement, Row } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";
import { rank } from "./ledger.ts";
import { dateOrNull, text } from "./row.ts";
import type { Store } from "./store.ts";

/** What became of a message to a group at one member, or of a story at one viewer. */
export interface MemberReceipt {
  /** The member's conversation. */
  person: string;
  deliveredAt: Date | null;
  readAt: Date | null;
  playedAt: Date | null;
}

export type Reached = "delivered" | "read" | "played";
const stages = ["delivered", "read", "played"] as const;

/** Stores the receipt of a member. The first time of each stage counts, and a later stage has the earlier ones too. */
export function receiptStatement(
  { sessionId, fence }: Fence,
  { waId, person, kind, at }: { waId: string; person: string; kind: Reached; at: Date },
): InStatement {
  const times = stages.map((_, i) => (i <= stages.indexOf(kind) ? at.getTime() : null));
  return {
    sql: `INSERT INTO receipt (session_id, wa_id, person, delivered_at, read_at, played_at, created_at)
          SELECT ?, ?, ?, ?, ?, ?, ? WHERE ${fenceHolds}
          ON CONFLICT DO UPDATE SET delivered_at = coalesce(delivered_at, excluded.delivered_at),
            read_at = coalesce(read_at, excluded.read_at), played_at = coalesce(played_at, excluded.played_at)`,
    args: [sessionId, waId, person, ...times, at.getTime(), sessionId, fence],
  };
}

/** Notes for all messages to a group that a member has left: nobody waits for this member's receipts any more. */
export function leftStatement(
  { sessionId, fence }: Fence,
  { group, person, at }: { group: string; person: string; at: Date },
): InStatement {
  return {
    sql: `INSERT INTO receipt (session_id, wa_id, person, left_at, created_at)
          SELECT session_id, wa_id, ?, ?, ? FROM ledger
          WHERE session_id = ? AND conversation_id = ? AND members IS NOT NULL AND rank < ${rank.played} AND ${fenceHolds}
          ON CONFLICT DO UPDATE SET left_at = coalesce(left_at, excluded.left_at)`,
    args: [person, at.getTime(), at.getTime(), sessionId, group, sessionId, fence],
  };
}

/** The sent messages to a group that somebody has not played yet. */
export async function findOfGroup({ client }: Pick<Store, "client">, sessionId: string, group: string) {
  const sql = `SELECT wa_id FROM ledger WHERE session_id = ? AND conversation_id = ? AND members IS NOT NULL
    AND rank < ${rank.played}`;
  const { rows } = await client.execute({ sql, args: [sessionId, group] });
  return rows.map((row) => text(row, "wa_id"));
}

const count = (column: string) => `count(*) FILTER (WHERE ${column} IS NOT NULL OR left_at IS NOT NULL)`;

/** How far messages to groups have come at all members that have not left; those that nobody has are left out. */
export async function reachedByAll(
  { client }: Pick<Store, "client">,
  sessionId: string,
  waIds: readonly string[],
): Promise<Map<string, Reached>> {
  const { rows } = await client.execute({
    sql: `SELECT ledger.wa_id AS wa_id, members, ${count("delivered_at")} AS delivered, ${count("read_at")} AS read,
            ${count("played_at")} AS played
          FROM ledger JOIN receipt ON receipt.session_id = ledger.session_id AND receipt.wa_id = ledger.wa_id
          WHERE ledger.session_id = ? AND ledger.wa_id IN (SELECT value FROM json_each(?)) AND members IS NOT NULL
          GROUP BY ledger.wa_id`,
    args: [sessionId, JSON.stringify(waIds)],
  });
  const reached = rows.flatMap((row): [string, Reached][] => {
    const furthest = stages.findLast((stage) => Number(row[stage]) >= Number(row["members"]));
    return furthest && Number(row["members"]) > 0 ? [[text(row, "wa_id"), furthest]] : [];
  });
  return new Map(reached);
}

/** The members that have received a message, in the order of their receipts. */
export async function findReceipts(
  { client }: Pick<Store, "client">,
  sessionId: string,
  waId: string,
): Promise<MemberReceipt[]> {
  const sql = `SELECT person, delivered_at, read_at, played_at FROM receipt
    WHERE session_id = ? AND wa_id = ? AND delivered_at IS NOT NULL ORDER BY delivered_at, person`;
  const { rows } = await client.execute({ sql, args: [sessionId, waId] });
  return rows.map((row: Row) => ({
    person: text(row, "person"),
    deliveredAt: dateOrNull(row, "delivered_at"),
    readAt: dateOrNull(row, "read_at"),
    playedAt: dateOrNull(row, "played_at"),
  }));
}

/** Deletes receipts of messages whose ledger entry is deleted. */
export function sweepReceipts(now: Date, { ledgerDays }: { ledgerDays: number }): InStatement[] {
  const sql = `DELETE FROM receipt WHERE (session_id, wa_id, person) IN
    (SELECT session_id, wa_id, person FROM receipt WHERE created_at < ? LIMIT 10000)`;
  return [{ sql, args: [now.getTime() - ledgerDays * 86_400_000] }];
}
