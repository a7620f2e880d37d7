import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Wrong codes in a row are remembered for so long. */
const budgetRetentionMs = 30 * dayMs;
/** The guard remembers a prefix for so long after its block. */
const guardRetentionMs = 30 * dayMs;

/** Deletes what the limits of a number or a prefix no longer need. */
export function sweepDestinations({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM prefix_guard WHERE (workspace_id, prefix) IN (SELECT workspace_id, prefix FROM prefix_guard
      WHERE updated_at <= ${at - guardRetentionMs} AND blocked_until <= ${at} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM destination_budget WHERE rowid IN (SELECT rowid FROM destination_budget
      WHERE updated_at <= ${at - budgetRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
    // The sends of such a day no longer count.
    sql`DELETE FROM destination_send WHERE (workspace_id, to_hash) IN (SELECT workspace_id, to_hash FROM destination_send
      WHERE day_from <= ${at - 2 * dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
