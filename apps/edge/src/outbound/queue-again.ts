import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { appendJob } from "../jobs/append-job.ts";
import { jobsPerRequest, publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import type { Services } from "../services.ts";
import { canSend, deliveryJobs, isHead } from "./delivery.ts";

/** Queues deliveries that have ended again: outside the order, with all attempts of the schedule. */
export const queueAgain = (db: Db, { which, at }: { which: RawBuilder<boolean>; at: number }): CompiledQuery[] => [
  sql`UPDATE delivery SET status = 'queued', failures = 0, next_attempt_at = 0, claim_until = 0, error = NULL, lane = NULL,
      delivered_at = NULL, is_replay = 1
    WHERE status IN ('delivered', 'failed') AND ${which}`.compile(db.kysely),
  appendJob(db, deliveryJobs, {
    which: sql`delivery.status = 'queued' AND delivery.is_replay = 1 AND ${which}`,
    at,
  }),
];

/** Statements of the batch that resumes an endpoint: what waits is due now. */
export const releaseWaiting = (
  { kysely }: Db,
  { endpointId, at }: { endpointId: string; at: number },
): CompiledQuery[] =>
  [
    sql`UPDATE endpoint SET failing_since = NULL WHERE id = ${endpointId}`,
    sql`UPDATE delivery SET next_attempt_at = 0
      WHERE endpoint_id = ${endpointId} AND status = 'queued' AND next_attempt_at > ${at}`,
    // With another count, QStash does not take the publish for a repetition of the last one.
    sql`UPDATE job SET publish_after = ${at}, publish_count = publish_count + 1 WHERE kind = ${deliveryJobs.name}
      AND subject_id IN (SELECT id FROM delivery WHERE endpoint_id = ${endpointId} AND status = 'queued')`,
  ].map((statement) => statement.compile(kysely));

/** Publishes the first of an endpoint's deliveries that wait. Cron publishes the others. */
export async function publishWaiting(services: Services, endpointId: string): Promise<void> {
  const { db } = services;
  const { rows } = await db.kysely.executeQuery(
    selectJobs(
      db,
      deliveryJobs,
      sql`SELECT id FROM delivery WHERE endpoint_id = ${endpointId} AND status = 'queued' AND ${canSend} AND ${isHead}
        ORDER BY id LIMIT ${jobsPerRequest}`,
    ),
  );
  publishSoon(services, deliveryJobs, rows);
}
