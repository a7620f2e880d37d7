import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { type AlertToPublish, appendAlertJobs, newDeliveryId } from "./jobs.ts";
import { dueAt, endedDigests, isHeard, isOfStorm, isSettled } from "./storms.ts";

export interface InDigest {
  digestId: string | null;
}

/** What flaps is told again this often at most. */
const againMs = 3600_000;
/** Of older changes nobody is told any more. */
const staleMs = 48 * 3600_000;
const atOnce = 300;
const inOneRun = 2_000;

/**
 * Makes the messages about these sessions or channels that are due by now, each once: of each incident to each channel of
 * its workspace its beginning, when it has lasted as long as the channel wants; its end, if its beginning was told; and its
 * return, once in an hour, be its end told or without a word. What is to be told of many at once is left to the clock.
 */
export function tellIncidents(db: Db, { now, subjects }: { now: number; subjects: readonly string[] }) {
  const isMeant = sql<boolean>`i.subject IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))`;
  const due = dueMessages({ now, isMeant, isOfMany: sql`false`, limit: atOnce });
  return {
    deliveries: sql<AlertToPublish>`INSERT OR IGNORE INTO alert_delivery
        (id, workspace_id, channel_id, incident_id, what, times, content, created_at)
      SELECT ${newDeliveryId(now)}, workspace_id, channel_id, incident_id, what, times, content, ${now}
      FROM (${due}) WHERE NOT is_many RETURNING id, channel_id, 1 AS publish_count`.compile(db.kysely),
    jobs: appendAlertJobs(db, now),
  };
}

/**
 * The same of all sessions and channels, with one digest for each channel that is to be told of many at once. To be
 * published are the deliveries without a digest, and the digests.
 * @param nonce three hexadecimal digits, so that no two runs make the same id
 */
export function tellAll(db: Db, { now, nonce }: { now: number; nonce: string }) {
  const due = dueMessages({
    now,
    isMeant: sql`true`,
    isOfMany: sql`CASE WHEN what = 'closed' THEN digest_id IN (${endedDigests(now)}) ELSE is_settled END`,
    limit: inOneRun,
  });
  const stamp = sql`'dlv_' || printf('%012x', ${now})`;
  const digest = sql`iif(is_many AND many > 1, ${stamp} || iif(what = 'closed', 'c', '0') || ${nonce} || substr(channel_id, -10), NULL)`;
  const isOfThisRun = sql`digest_id BETWEEN ${stamp} AND ${stamp} || 'z' AND substr(digest_id, 18, 3) = ${nonce}`;
  return {
    deliveries: sql<AlertToPublish & InDigest>`INSERT OR IGNORE INTO alert_delivery
        (id, workspace_id, channel_id, incident_id, what, times, content, status, digest_id, created_at)
      SELECT ${newDeliveryId(now)}, workspace_id, channel_id, incident_id, what, times, content,
        iif(${digest} IS NULL, 'queued', 'folded'), ${digest}, ${now}
      FROM (SELECT *, count(*) OVER (PARTITION BY channel_id, what = 'closed', is_many) AS many FROM (${due}))
      RETURNING id, channel_id, 1 AS publish_count, digest_id`.compile(db.kysely),
    digests:
      sql<AlertToPublish>`INSERT OR IGNORE INTO alert_delivery (id, workspace_id, channel_id, what, times, content, created_at)
      SELECT digest_id, workspace_id, channel_id, iif(min(what) = 'closed', 'closed', 'opened'), count(*), '{}', ${now}
      FROM alert_delivery WHERE ${isOfThisRun} GROUP BY digest_id RETURNING id, channel_id, 1 AS publish_count`.compile(
        db.kysely,
      ),
    jobs: appendAlertJobs(db, now),
  };
}

interface Due {
  now: number;
  isMeant: RawBuilder<boolean>;
  /** Which of those that are told of with many others are due as well. */
  isOfMany: RawBuilder<boolean>;
  limit: number;
}

const dueMessages = ({ now, isMeant, isOfMany, limit }: Due) => sql`
  SELECT * FROM (SELECT *,
      CASE WHEN last IS NULL THEN 'opened' WHEN closed_at IS NULL THEN 'again' ELSE 'closed' END AS what,
      CASE WHEN closed_at IS NULL THEN is_storm ELSE digest_id IS NOT NULL END AS is_many
    FROM (${candidates(now, isMeant)}) WHERE CASE
      WHEN last IS NULL THEN is_due AND since >= channel_created_at
      WHEN closed_at IS NULL THEN (last = 'closed' OR told_times < times) AND is_due AND told_at <= ${now - againMs}
      ELSE last <> 'closed' AND ending = 'recovered' END)
  WHERE NOT is_many OR ${isOfMany} LIMIT ${limit}`;

/** Of the last delivery of an incident to a channel. */
const last = (column: string) => sql`(SELECT ${sql.ref(column)} FROM alert_delivery d
  WHERE d.channel_id = c.id AND d.incident_id = i.id ORDER BY d.rowid DESC LIMIT 1)`;

/** Each incident with each channel of its workspace, and what was told of it there last. */
function candidates(now: number, isMeant: RawBuilder<boolean>) {
  const isDue = sql<boolean>`(i.closed_at IS NULL AND ${dueAt("i")} <= ${now})`;
  return sql`SELECT i.workspace_id, i.id AS incident_id, i.times, i.since, i.closed_at, i.ending, c.id AS channel_id,
      c.created_at AS channel_created_at, ${isDue} AS is_due,
      CASE WHEN ${isDue} THEN ${isOfStorm} ELSE 0 END AS is_storm,
      CASE WHEN ${isDue} THEN ${isSettled(now)} ELSE 0 END AS is_settled,
      json_object('kind', i.kind, 'reason', i.reason, 'subject', i.subject, 'openedAt', i.opened_at, 'since', i.since,
        'closedAt', i.closed_at, 'times', i.times) AS content,
      ${last("d.what")} AS last, ${last("d.digest_id")} AS digest_id,
      (SELECT max(d.times) FROM alert_delivery d WHERE d.channel_id = c.id AND d.incident_id = i.id) AS told_times,
      (SELECT max(d.created_at) FROM alert_delivery d WHERE d.channel_id = c.id AND d.incident_id = i.id
        AND d.what <> 'closed') AS told_at
    FROM incident i CROSS JOIN alert_channel c ON c.workspace_id = i.workspace_id
    WHERE ${isMeant} AND i.changed_at > ${now - staleMs} AND c.paused_at IS NULL AND c.id <> i.subject AND ${isHeard("i")}`;
}
