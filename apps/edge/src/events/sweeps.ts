import { sql } from "kysely";
import { dayMs, keptDays, passMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

const eventRetentionMs = 30 * dayMs;

/** Deletes old events of verifications, messages and sessions. */
export const sweepEvents = ({ db, now }: Services) => [
  sql`DELETE FROM event WHERE seq IN (SELECT seq FROM event
    WHERE at <= ${now().getTime() - eventRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
];

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
