import { sql } from "kysely";
import { dayMs, keptDays, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

const mostDays = 90;
const ages = Array.from({ length: mostDays }, (_, i) => i + 1);

/**
 * Deletes the events that their workspaces no longer keep. Events are stored in about the order of their times, so the last
 * one of a day has about the highest `seq` of that age, and each workspace's oldest events are a range of its index.
 */
export function sweepEvents({ db, now }: Services) {
  const at = now().getTime();
  const days = keptDays("events", { usual: 30, most: mostDays });
  return [
    sql`WITH age AS MATERIALIZED (SELECT value AS days, (SELECT seq FROM event WHERE at <= ${at} - value * ${dayMs}
        ORDER BY at DESC LIMIT 1) AS seq FROM json_each(${JSON.stringify(ages)}))
      DELETE FROM event WHERE seq IN (SELECT e.seq FROM workspace w JOIN age ON age.days = ${days}
        CROSS JOIN event e ON e.workspace_id = w.id AND e.seq <= age.seq
        WHERE e.at <= ${at} - age.days * ${dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
