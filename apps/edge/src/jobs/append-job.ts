import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { firstPublishMs, type JobKind } from "./kind.ts";

export interface NewJob {
  /** True in SQL for the subjects that get a job. */
  which: RawBuilder<boolean>;
  at: number;
  /** When cron publishes it first. */
  publishAfter?: number | RawBuilder<unknown>;
  /** The W3C `traceparent` of the request that appends it. */
  traceparent?: string | null;
}

/**
 * Stores a job for each subject that `which` selects, in the batch that changes the subject. A subject has one job of a
 * kind: an existing job starts again.
 */
export function appendJob<Row>(
  db: Db,
  kind: Pick<JobKind<Row>, "name" | "subject" | "expiresAt">,
  { which, at, publishAfter = at + firstPublishMs, traceparent = null }: NewJob,
): CompiledQuery {
  const subject = sql.table(kind.subject);
  return sql`INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at, traceparent)
    SELECT ${kind.name}, ${subject}.id, ${subject}.workspace_id, ${publishAfter}, 1, ${kind.expiresAt(at)}, ${traceparent}
    FROM ${subject} WHERE ${which}
    ON CONFLICT DO UPDATE SET publish_after = excluded.publish_after, publish_count = 1, expires_at = excluded.expires_at`.compile(
    db.kysely,
  );
}

/** Cron publishes these jobs again from `until` on. */
export function deferJobs<Row>(
  db: Db,
  kinds: readonly JobKind<Row>[],
  { ids, until }: { ids: RawBuilder<unknown>; until: number },
): CompiledQuery {
  return sql`UPDATE job SET publish_after = ${until}
    WHERE kind IN (${sql.join(kinds.map(({ name }) => name))}) AND subject_id IN (${ids})`.compile(db.kysely);
}

/** A list of ids, as rows in SQL. */
export const idsOf = (ids: readonly string[]) => sql`SELECT value FROM json_each(${JSON.stringify(ids)})`;
