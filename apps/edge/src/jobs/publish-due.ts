import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Job, Services } from "../services.ts";
import { idsOf } from "./append-job.ts";
import { type JobColumns, type JobKind, waitOf } from "./kind.ts";
import { jobOf, jobsPerRequest } from "./publish-soon.ts";

/** A Worker may have six open connections: one is for the database, five are for QStash. */
const parallelRequests = 5;
const roundSize = jobsPerRequest * parallelRequests;

interface Due {
  kind: string;
  subjectId: string;
}

/**
 * Publishes the due jobs, in the order of `kinds`. Returns how many QStash accepted. The first jobs of every kind come
 * before the rest of any kind. Within a kind, workspaces take turns. Within a workspace, the job with the fewest publishes
 * comes first, then the job that expires first.
 */
export async function publishDue(services: Services, kinds: readonly JobKind[]): Promise<number> {
  const { db, cronRounds } = services;
  const at = services.now().getTime();
  const { rows: due } = await db.kysely.executeQuery(selectDue(db, kinds, { at, limit: cronRounds * roundSize }));
  let published = 0;
  for (let from = 0; from < due.length; from += roundSize) {
    const jobs = await takeJobs(db, kinds, { due: due.slice(from, from + roundSize), at });
    const taken = await publishJobs(services, jobs);
    published += taken;
    if (taken < jobs.length) break;
  }
  return published;
}

function selectDue(db: Db, kinds: readonly JobKind[], { at, limit }: { at: number; limit: number }) {
  const ofKinds = kinds.map(
    (kind, priority) => sql`SELECT job.kind, job.subject_id, ${priority} AS priority, job.publish_count,
        row_number() OVER (PARTITION BY job.workspace_id ORDER BY job.publish_count, job.expires_at) AS turn
      FROM job CROSS JOIN ${sql.table(kind.subject)} ON ${sql.table(kind.subject)}.id = job.subject_id
      WHERE job.kind = ${kind.name} AND job.publish_after <= ${at} AND ${mayGo(kind, at)}`,
  );
  return sql<Due>`SELECT kind, subject_id FROM (SELECT *,
        row_number() OVER (PARTITION BY priority ORDER BY turn, publish_count) > ${jobsPerRequest} AS is_beyond
      FROM (${sql.join(ofKinds, sql` UNION ALL `)}))
    ORDER BY is_beyond, priority, turn, publish_count LIMIT ${limit}`.compile(db.kysely);
}

/** True in SQL about a `job` and its subject if the job may be published now. */
const mayGo = (kind: JobKind, at: number) =>
  sql<boolean>`((job.expires_at IS NULL OR job.expires_at > ${at}) AND ${kind.isWanted(at)}
    AND ${kind.isReady?.(at) ?? sql`true`})`;

/** Counts a publish of each job that is still due, and returns the calls. Only one of two parallel runs gets a job. */
async function takeJobs(db: Db, kinds: readonly JobKind[], { due, at }: { due: Due[]; at: number }): Promise<Job[]> {
  const present = kinds.filter(({ name }) => due.some(({ kind }) => kind === name));
  const waits = sql.join(
    present.map((kind) => sql`WHEN ${kind.name} THEN ${waitOf(kind)}`),
    sql` `,
  );
  const pairs = JSON.stringify(due.map(({ kind, subjectId }) => [kind, subjectId]));
  const [taken, ...subjects] = await db.write([
    sql<Due & Pick<JobColumns, "publishCount" | "traceparent">>`UPDATE job SET publish_count = publish_count + 1,
        publish_after = ${at} + CASE kind ${waits} END
      WHERE (kind, subject_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${pairs})) AND publish_after <= ${at}
      RETURNING kind, subject_id, publish_count, traceparent`.compile(db.kysely),
    ...present.map((kind) => selectSubjects(db, kind, { due, at })),
  ]);
  return present.flatMap((kind, i) => {
    const rows = new Map(subjects[i]!.rows.map((row) => [row.id, row]));
    return taken.rows.flatMap((job) => {
      const row = job.kind === kind.name ? rows.get(job.subjectId) : undefined;
      return row ? [jobOf(kind, { ...row, publishCount: job.publishCount, traceparent: job.traceparent ?? null })] : [];
    });
  });
}

function selectSubjects(db: Db, kind: JobKind, { due, at }: { due: Due[]; at: number }): CompiledQuery<{ id: string }> {
  const subject = sql.table(kind.subject);
  const ids = due.flatMap((each) => (each.kind === kind.name ? [each.subjectId] : []));
  return sql<{ id: string }>`SELECT ${subject}.id, ${kind.columns}
    FROM ${subject} JOIN job ON job.kind = ${kind.name} AND job.subject_id = ${subject}.id
    WHERE ${subject}.id IN (${idsOf(ids)}) AND ${mayGo(kind, at)}`.compile(db.kysely);
}

/** Returns how many were accepted. The others wait for their next publish. */
async function publishJobs(services: Services, jobs: readonly Job[]): Promise<number> {
  const batches: (readonly Job[])[] = [];
  for (let at = 0; at < jobs.length; at += jobsPerRequest) batches.push(jobs.slice(at, at + jobsPerRequest));
  const outcomes = await Promise.allSettled(batches.map((batch) => services.publishAll(batch)));
  const refused = outcomes.find((outcome) => outcome.status === "rejected");
  if (refused) services.log("QStash did not accept every job; the others are published again later", refused.reason);
  return batches.reduce((sum, batch, i) => sum + (outcomes[i]?.status === "fulfilled" ? batch.length : 0), 0);
}
