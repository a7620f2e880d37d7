import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** How long wrong codes in a row are stored. */
const budgetRetentionMs = 30 * dayMs;
/** How long the guard stores a prefix after its block. */
const guardRetentionMs = 30 * dayMs;

/** Deletes counts that the limits of numbers and prefixes no longer need. */
export function sweepDestinations({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM prefix_guard WHERE (workspace_id, prefix) IN (SELECT workspace_id, prefix FROM prefix_guard
      WHERE updated_at <= ${at - guardRetentionMs} AND blocked_until <= ${at} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM destination_budget WHERE rowid IN (SELECT rowid FROM destination_budget
      WHERE updated_at <= ${at - budgetRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
    // The sends of a day that is over no longer count.
    sql`DELETE FROM destination_send WHERE (workspace_id, to_hash) IN (SELECT workspace_id, to_hash FROM destination_send
      WHERE day_from <= ${at - 2 * dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
