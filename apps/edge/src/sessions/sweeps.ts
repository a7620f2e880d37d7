import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { pairingWindowMs } from "./pairing-budget.ts";

/** After this time without messages a recipient is a stranger again. */
const warmRetentionMs = 365 * dayMs;

/** Deletes what sessions no longer need: figures, contacts and requests for pairing codes. */
export function sweepSessions({ db, now }: Services) {
  const at = now().getTime();
  return [
    // The newest row of each outcome stays, because it has the outcome's last time.
    sql`DELETE FROM session_figure WHERE (workspace_id, session_id, outcome, slot) IN (
      SELECT workspace_id, session_id, outcome, slot FROM session_figure f WHERE slot <= ${at - dayMs}
        AND EXISTS (SELECT 1 FROM session_figure n WHERE n.workspace_id = f.workspace_id AND n.session_id = f.session_id
          AND n.outcome = f.outcome AND n.slot > f.slot) LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM warm_contact WHERE (workspace_id, to_hash, session_id) IN (SELECT workspace_id, to_hash, session_id
      FROM warm_contact WHERE last_at <= ${at - warmRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM pairing_request WHERE id IN (SELECT id FROM pairing_request
      WHERE created_at <= ${at - pairingWindowMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
