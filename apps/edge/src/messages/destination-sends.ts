import { sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** The windows in which the codes to a number are counted. */
export const windows = { shortMs: 600_000, hourMs: 3_600_000, dayMs: 86_400_000 };

/** Counts a queued code for its destination. */
export const countQueued = (db: Db, { messageId, at }: { messageId: string; at: number }) =>
  sql`INSERT INTO destination_send (workspace_id, to_hash, short_from, short_count, hour_from, hour_count, day_from, day_count)
    SELECT v.workspace_id, v.to_hash, ${at}, 1, ${at}, 1, ${at}, 1
    FROM verification v JOIN message m ON m.id = ${messageId} AND m.verification_id = v.id WHERE true
    ON CONFLICT DO UPDATE SET ${counted.short}, ${counted.hour}, ${counted.day}`.compile(db.kysely);

/** At most this many sends of one workspace count for all workspaces, so that none uses up the limit of the others. */
const shareOfOne = 20;

/**
 * Counts a claimed code for all workspaces together, after the statement that gives the claim. Codes that were canceled
 * before a claim do not count.
 */
export function countClaimed(db: Db, { messageId, at }: { messageId: string; at: number }) {
  return sql`INSERT INTO destination_send (workspace_id, to_hash, short_from, short_count, hour_from, hour_count, day_from, day_count)
    SELECT '', v.global_hash, ${at}, 1, ${at}, 1, ${at}, 1
    FROM message m JOIN verification v ON v.id = m.verification_id
    JOIN destination_send own ON own.workspace_id = v.workspace_id AND own.to_hash = v.to_hash
    WHERE m.id = ${messageId} AND m.attempt = 1 AND m.tried = '{}' AND own.day_count <= ${shareOfOne} AND changes() = 1
    ON CONFLICT DO UPDATE SET ${counted.day}`.compile(db.kysely);
}

/** In the SET: one more in the current window, or the first of a new window. */
const count = (window: string, ms: number) =>
  sql.raw(`${window}_count = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_count + 1, 1),
    ${window}_from = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_from, excluded.${window}_from)`);
const counted = {
  short: count("short", windows.shortMs),
  hour: count("hour", windows.hourMs),
  day: count("day", windows.dayMs),
};
