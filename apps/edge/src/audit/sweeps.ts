import { createId } from "@sandi/contracts";
import { sql } from "kysely";
import { dayMs, keptDays, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Deletes the entries that their workspaces no longer keep. */
export function sweepAudit({ db, now }: Services) {
  const at = now().getTime();
  // Few rows, and kept for years: those beyond the shortest time are looked at one by one.
  return [
    sql`DELETE FROM audit WHERE id IN (SELECT a.id FROM workspace w CROSS JOIN audit a
      ON a.workspace_id = w.id AND a.id < ${createId("aud", new Date(at - 30 * dayMs), new Uint8Array(10))}
      WHERE a.created_at <= ${at} - ${keptDays("audit", { usual: 365, most: 365 })} * ${dayMs}
      LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
