import type { InStatement } from "@libsql/client";
import { dateOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** How many unknown numbers a session has asked WhatsApp about, and how many of them had no account. */
export interface LookUps {
  inHour: number;
  inDay: number;
  deadInDay: number;
  /** Until when WhatsApp wants no questions. */
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

/** Counts before the question what is asked, and after it what was dead. */
export async function noteLookUps(
  { writer }: Store,
  sessionId: string,
  { asked, dead, at }: { asked: number; dead: number; at: Date },
): Promise<void> {
  const sql = `INSERT INTO look_up (session_id, hour, asked, dead) VALUES (?, ?, ?, ?)
    ON CONFLICT (session_id, hour) DO UPDATE SET asked = asked + excluded.asked, dead = dead + excluded.dead`;
  await writer.write([{ sql, args: [sessionId, hourOf(at), asked, dead] }]);
}

/** The longer of two pauses counts. */
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

/** When the oldest hour no longer counts. */
export function nextHour(now: Date): Date {
  return new Date((hourOf(now) + 1) * hourMs);
}
