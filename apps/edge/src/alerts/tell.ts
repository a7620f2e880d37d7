import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { firstPublishMs } from "../messages/publish.ts";
import { type AlertToPublish, newDeliveryId } from "./publish.ts";

/** What flaps is told again this often at most. */
const againMs = 3600_000;
/** Of older changes nobody is told any more. */
const staleMs = 48 * 3600_000;
const tellLimit = 300;

interface Telling {
  now: number;
  /** Only incidents of these sessions or channels. */
  subjects?: readonly string[];
}

/**
 * Makes the messages that are due by now, each once: of each incident to each channel of its workspace its beginning,
 * when it has lasted as long as the channel wants; its end, if its beginning was told; and its return, once in an hour,
 * be its end told or without a word.
 */
export function tellIncidents(db: Db, { now, subjects }: Telling) {
  const isMeant = subjects ? sql`i.subject IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))` : sql`true`;
  return sql<AlertToPublish>`
    INSERT OR IGNORE INTO alert_delivery (id, workspace_id, channel_id, incident_id, what, times, content, publish_after, created_at)
    SELECT ${newDeliveryId(now)}, workspace_id, channel_id, incident_id,
      CASE WHEN last IS NULL THEN 'opened' WHEN closed_at IS NULL THEN 'again' ELSE 'closed' END,
      times, content, ${now + firstPublishMs}, ${now}
    FROM (SELECT i.workspace_id, i.id AS incident_id, i.times, i.since, i.closed_at, i.ending, c.id AS channel_id,
        i.since + CASE WHEN i.kind IN ('offline', 'proxy_unreachable') THEN c.after_seconds * 1000 ELSE 0 END AS due_at,
        c.created_at AS channel_created_at,
        json_object('kind', i.kind, 'reason', i.reason, 'subject', i.subject, 'openedAt', i.opened_at, 'since', i.since,
          'closedAt', i.closed_at, 'times', i.times) AS content,
        (SELECT d.what FROM alert_delivery d WHERE d.channel_id = c.id AND d.incident_id = i.id
          ORDER BY d.rowid DESC LIMIT 1) AS last,
        (SELECT max(d.times) FROM alert_delivery d WHERE d.channel_id = c.id AND d.incident_id = i.id) AS told_times,
        (SELECT max(d.created_at) FROM alert_delivery d WHERE d.channel_id = c.id AND d.incident_id = i.id
          AND d.what <> 'closed') AS told_at
      FROM incident i CROSS JOIN alert_channel c ON c.workspace_id = i.workspace_id
      WHERE ${isMeant} AND i.changed_at > ${now - staleMs} AND c.paused_at IS NULL AND c.id <> i.subject
        AND NOT EXISTS (SELECT 1 FROM json_each(c.quiet) WHERE value = i.kind))
    WHERE CASE
      WHEN last IS NULL THEN closed_at IS NULL AND due_at <= ${now} AND since >= channel_created_at
      WHEN closed_at IS NULL THEN (last = 'closed' OR told_times < times) AND due_at <= ${now} AND told_at <= ${now - againMs}
      ELSE last <> 'closed' AND ending = 'recovered' END
    LIMIT ${tellLimit}
    RETURNING id, channel_id, publish_count`.compile(db.kysely);
}
