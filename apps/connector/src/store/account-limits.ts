import type { InStatement } from "@libsql/client";
import { dateOrNull } from "./row.ts";
import { fenceHolds, type Fence } from "./fence.ts";
import type { Store } from "./store.ts";

/** What an account may do, as WhatsApp says and as refusals show. */
export interface Limits {
  /** The account may open no new chats until then. */
  lockedUntil: Date | null;
  /** How many new chats it may open in this cycle; null without a cap. */
  newChats: { total: number; used: number; resetsAt: Date | null } | null;
  /** Nothing is sent until then. */
  pausedUntil: Date | null;
  /** How many times in a row sending was paused. */
  trips: number;
}

export async function findLimits({ client }: Store, sessionId: string): Promise<Limits | null> {
  const { rows } = await client.execute({
    sql: `SELECT locked_until, new_chats_total, new_chats_used, new_chats_reset_at, paused_until, trips
          FROM sender_limits WHERE session_id = ?`,
    args: [sessionId],
  });
  const [row] = rows;
  if (!row) return null;
  const total = row["new_chats_total"];
  return {
    lockedUntil: dateOrNull(row, "locked_until"),
    newChats:
      typeof total !== "number"
        ? null
        : { total, used: Number(row["new_chats_used"]), resetsAt: dateOrNull(row, "new_chats_reset_at") },
    pausedUntil: dateOrNull(row, "paused_until"),
    trips: Number(row["trips"]),
  };
}

export function limitsStatement({ sessionId, fence }: Fence, limits: Limits): InStatement {
  const { lockedUntil, newChats, pausedUntil, trips } = limits;
  return {
    sql: `INSERT INTO sender_limits (session_id, locked_until, new_chats_total, new_chats_used, new_chats_reset_at,
            paused_until, trips)
          SELECT ?, ?, ?, ?, ?, ?, ? WHERE ${fenceHolds}
          ON CONFLICT (session_id) DO UPDATE SET locked_until = excluded.locked_until,
            new_chats_total = excluded.new_chats_total, new_chats_used = excluded.new_chats_used,
            new_chats_reset_at = excluded.new_chats_reset_at, paused_until = excluded.paused_until,
            trips = excluded.trips`,
    args: [
      sessionId,
      lockedUntil?.getTime() ?? null,
      newChats?.total ?? null,
      newChats?.used ?? null,
      newChats?.resetsAt?.getTime() ?? null,
      pausedUntil?.getTime() ?? null,
      trips,
      sessionId,
      fence,
    ],
  };
}
