import { sql } from "kysely";
import { dayMs, keptDays, passMs, sweepSize } from "../retention.ts";
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

/** Deletes contents of events whose time is over, also by a policy that is newer than they are. */
export const sweepEventContents = ({ db, now }: Services) => {
  const at = now().getTime();
  const keptMs = sql`CASE w.policy ->> '$.messageContent' WHEN 'drop' THEN 0
    WHEN 'keep' THEN ${dayMs} * ${keptDays("content", { usual: 30, most: 90 })} ELSE ${passMs} END`;
  const isOver = sql`(SELECT event_id FROM event_content WHERE expires_at <= ${at} LIMIT ${sweepSize})`;
  const isOverNow = sql`(SELECT c.event_id FROM workspace w CROSS JOIN event_content c
    ON c.workspace_id = w.id AND c.stored_at <= ${at} - ${keptMs} LIMIT ${sweepSize})`;
  return [isOver, isOverNow].map((ids) => sql`DELETE FROM event_content WHERE event_id IN ${ids}`.compile(db.kysely));
};
