import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import {
  appendDeliveryJobs,
  deliveryIdsFrom,
  type DeliveryToPublish,
  newDeliveryId,
  type NewDeliveries,
  toPublish,
} from "../outbound/delivery.ts";
import { dueAt, endedDigests, isInStorm, isReported, isSettled } from "./digest-rules.ts";

interface InDigest {
  digestId: string | null;
}

/** An incident that opens again is reported this often at most. */
const reopenedMs = 3600_000;
/** Older changes are not reported. */
const staleMs = 48 * 3600_000;
const mostAtOnce = 300;
const mostInOneRun = 2_000;

/**
 * Stores the deliveries about these sessions or channels that are due by now, each once. Every channel of the workspace
 * reports that an incident opened, when it has lasted as long as the channel's settings ask; that it closed, if its opening
 * was reported; and that it opened again, once an hour. Incidents of a storm are left to `scheduleAllDeliveries`.
 */
export const scheduleDeliveries = (
  db: Db,
  { now, subjects }: { now: number; subjects: readonly string[] },
): NewDeliveries => ({
  deliveries: sql<DeliveryToPublish>`WITH ${dueReports({
    now,
    which: sql<boolean>`i.subject IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))`,
    isDigestReady: sql<boolean>`false`,
    limit: mostAtOnce,
  })}
    INSERT OR IGNORE INTO delivery (id, workspace_id, endpoint_id, subject_id, type, times, content, created_at)
    SELECT ${newDeliveryId(now)}, workspace_id, channel_id, incident_id, type, times, content, ${now}
    FROM due WHERE NOT is_for_digest RETURNING ${toPublish}`.compile(db.kysely),
  jobs: appendDeliveryJobs(db, now),
});

/**
 * The same for all sessions and channels, with one digest for each channel that has to report many incidents at once. To be
 * published are the deliveries without a digest, and the digests.
 * @param nonce three hexadecimal digits, so that no two runs make the same id
 */
export function scheduleAllDeliveries(
  db: Db,
  { now, nonce }: { now: number; nonce: string },
): {
  deliveries: CompiledQuery<DeliveryToPublish & InDigest>;
  digests: CompiledQuery<DeliveryToPublish>;
  jobs: CompiledQuery;
} {
  const due = dueReports({
    now,
    which: sql<boolean>`true`,
    isDigestReady: sql<boolean>`CASE WHEN type = 'closed' THEN digest_id IN (${endedDigests(now)}) ELSE is_settled END`,
    limit: mostInOneRun,
  });
  const stamp = deliveryIdsFrom(now);
  const isOfThisRun = sql`digest_id BETWEEN ${stamp} AND ${stamp} || 'z' AND substr(digest_id, 18, 3) = ${nonce}`;
  return {
    // One incident alone needs no digest.
    deliveries: sql<DeliveryToPublish & InDigest>`WITH ${due}, grouped AS (SELECT *, CASE
          WHEN is_for_digest AND count(*) OVER (PARTITION BY channel_id, type = 'closed', is_for_digest) > 1
          THEN ${stamp} || iif(type = 'closed', 'c', '0') || ${nonce} || substr(channel_id, -10) END AS new_digest_id
        FROM due)
      INSERT OR IGNORE INTO delivery
        (id, workspace_id, endpoint_id, subject_id, type, times, content, status, digest_id, created_at)
      SELECT ${newDeliveryId(now)}, workspace_id, channel_id, incident_id, type, times, content,
        iif(new_digest_id IS NULL, 'queued', 'in_digest'), new_digest_id, ${now}
      FROM grouped RETURNING ${toPublish}, digest_id`.compile(db.kysely),
    digests:
      sql<DeliveryToPublish>`INSERT OR IGNORE INTO delivery (id, workspace_id, endpoint_id, type, times, created_at)
      SELECT digest_id, workspace_id, endpoint_id, iif(min(type) = 'closed', 'closed', 'opened'), count(*), ${now}
      FROM delivery WHERE ${isOfThisRun} GROUP BY digest_id RETURNING ${toPublish}`.compile(db.kysely),
    jobs: appendDeliveryJobs(db, now),
  };
}

interface Due {
  now: number;
  /** True in SQL of the incidents `i` to look at. */
  which: RawBuilder<boolean>;
  /** True in SQL of a report that belongs into a digest, when the digest may be sent. */
  isDigestReady: RawBuilder<boolean>;
  limit: number;
}

/** The table expressions `candidate`, `report` and `due`, each made of the one before. */
const dueReports = ({ now, which, isDigestReady, limit }: Due) => sql`
  candidate AS (${candidates(now, which)}),
  report AS (SELECT *,
      CASE WHEN last_type IS NULL THEN 'opened' WHEN closed_at IS NULL THEN 'reopened' ELSE 'closed' END AS type,
      CASE WHEN closed_at IS NULL THEN is_in_storm ELSE digest_id IS NOT NULL END AS is_for_digest
    FROM candidate WHERE CASE
      WHEN last_type IS NULL THEN is_due AND since >= channel_created_at
      WHEN closed_at IS NULL
        THEN is_due AND (last_type = 'closed' OR reported_times < times) AND reported_at <= ${now - reopenedMs}
      ELSE last_type <> 'closed' AND ending = 'recovered' END),
  due AS (SELECT * FROM report WHERE NOT is_for_digest OR ${isDigestReady} LIMIT ${limit})`;

/** A column of the last delivery that channel `c` has for incident `i`. */
const last = (column: string) => sql`(SELECT ${sql.ref(column)} FROM delivery d
  WHERE d.endpoint_id = c.id AND d.subject_id = i.id ORDER BY d.rowid DESC LIMIT 1)`;

/** Each incident with each channel of its workspace, and what the channel has reported so far. */
function candidates(now: number, which: RawBuilder<boolean>) {
  const isDue = sql<boolean>`(i.closed_at IS NULL AND ${dueAt("i")} <= ${now})`;
  return sql`SELECT i.workspace_id, i.id AS incident_id, i.times, i.since, i.closed_at, i.ending, c.id AS channel_id,
      c.created_at AS channel_created_at, ${isDue} AS is_due,
      CASE WHEN ${isDue} THEN ${isInStorm} ELSE 0 END AS is_in_storm,
      CASE WHEN ${isDue} THEN ${isSettled(now)} ELSE 0 END AS is_settled,
      json_object('kind', i.kind, 'reason', i.reason, 'subject', i.subject, 'openedAt', i.opened_at, 'since', i.since,
        'closedAt', i.closed_at, 'times', i.times) AS content,
      ${last("d.type")} AS last_type, ${last("d.digest_id")} AS digest_id,
      (SELECT max(d.times) FROM delivery d WHERE d.endpoint_id = c.id AND d.subject_id = i.id) AS reported_times,
      (SELECT max(d.created_at) FROM delivery d WHERE d.endpoint_id = c.id AND d.subject_id = i.id
        AND d.type <> 'closed') AS reported_at
    FROM incident i CROSS JOIN endpoint c ON c.workspace_id = i.workspace_id AND c.topic = 'alert'
    WHERE ${which} AND i.changed_at > ${now - staleMs} AND c.paused_at IS NULL AND c.id <> i.subject AND ${isReported("i")}`;
}
