import type { InStatement } from "@libsql/client";
import { dateOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** How many unknown numbers a session has looked up at WhatsApp, and how many of them had no account. */
export interface LookUps {
  inHour: number;
  inDay: number;
  deadInDay: number;
  /** WhatsApp accepts no look-ups until then. */
  pausedUntil: Date | null;
}

const hourMs = 3_600_000;
const hourOf = (at: Date) => Math.floor(at.getTime() / hourMs);

export async function countLookUps({ client }: Store, sessionId: string, now: Date): Promise<LookUps> {
  const hour = hourOf(now);
  const { rows } = await client.execute({
    sql: `SELECT coalesce(sum(asked) FILTER (WHERE hour = ?), 0) AS in_hour, coalesce(sum(asked), 0) AS in_day,
            coalesce(sum(dead), 0) AS dead,
            (SELECT until FROM look_up_pause WHERE session_id = ? AND until > ?) AS paused_until
          FROM look_up WHERE session_id = ? AND hour > ?`,
    args: [hour, sessionId, now.getTime(), sessionId, hour - 24],
  });
  return {
    inHour: Number(rows[0]?.["in_hour"]),
    inDay: Number(rows[0]?.["in_day"]),
    deadInDay: Number(rows[0]?.["dead"]),
    pausedUntil: dateOrNull(rows[0], "paused_until"),
  };
}

/** Adds look-ups before the request, and numbers without an account after it. */
export async function noteLookUps(
  { writer }: Store,
  sessionId: string,
  { asked, dead, at }: { asked: number; dead: number; at: Date },
): Promise<void> {
  const sql = `INSERT INTO look_up (session_id, hour, asked, dead) VALUES (?, ?, ?, ?)
    ON CONFLICT (session_id, hour) DO UPDATE SET asked = asked + excluded.asked, dead = dead + excluded.dead`;
  await writer.write([{ sql, args: [sessionId, hourOf(at), asked, dead] }]);
}

/** Pauses look-ups; the later end of two pauses counts. */
export async function pauseLookUps({ writer }: Store, sessionId: string, until: Date): Promise<void> {
  const sql = `INSERT INTO look_up_pause (session_id, until) VALUES (?, ?)
    ON CONFLICT (session_id) DO UPDATE SET until = max(until, excluded.until)`;
  await writer.write([{ sql, args: [sessionId, until.getTime()] }]);
}

export function sweepLookUps(now: Date): InStatement[] {
  return [
    { sql: "DELETE FROM look_up WHERE hour <= ?", args: [hourOf(now) - 24] },
    { sql: "DELETE FROM look_up_pause WHERE until <= ?", args: [now.getTime()] },
  ];
}

/** When the oldest hour stops counting. */
export function nextHour(now: Date): Date {
  return new Date((hourOf(now) + 1) * hourMs);
}
