import { formatTraceparent, parseTraceparent, type TraceContext } from "@sandi/tracing";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Job, Services } from "../services.ts";
import { deferJobs, idsOf } from "./append-job.ts";
import type { JobColumns, JobKind } from "./kind.ts";

/** The maximum of jobs in one request to QStash. */
export const jobsPerRequest = 100;

/** Publishes jobs in the background of the answer. A job that QStash does not accept stays stored, and cron publishes it. */
export function publishSoon<Row>(services: Services, kind: JobKind<Row>, rows: readonly (Row & JobColumns)[]): void {
  const { db, now, waitUntil, log } = services;
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  const work = async () => {
    try {
      await publishRows(services, kind, rows);
    } catch (error) {
      log(`${ids.length === 1 ? ids[0] : `${ids.length} jobs`} not published; cron publishes again`, error);
      await db.kysely.executeQuery(deferJobs(db, [kind], { ids: idsOf(ids), until: now().getTime() }));
    }
  };
  waitUntil(work().catch((error: unknown) => log("jobs wait until cron publishes them", error)));
}

/** The same for jobs that are known by id only. */
export async function publishStored<Row>(
  services: Services,
  kind: JobKind<Row>,
  ids: readonly string[],
): Promise<void> {
  const { rows } = await services.db.kysely.executeQuery(selectJobs(services.db, kind, idsOf(ids)));
  publishSoon(services, kind, rows);
}

/** The jobs of these subjects, with the columns that their calls need. */
export function selectJobs<Row>(db: Db, kind: JobKind<Row>, ids: RawBuilder<unknown>): CompiledQuery<Row & JobColumns> {
  const subject = sql.table(kind.subject);
  return sql<Row & JobColumns>`SELECT ${subject}.id, ${kind.columns}, job.publish_count, job.traceparent
    FROM job JOIN ${subject} ON ${subject}.id = job.subject_id
    WHERE job.kind = ${kind.name} AND job.subject_id IN (${ids})`.compile(db.kysely);
}

async function publishRows<Row>(services: Services, kind: JobKind<Row>, rows: readonly (Row & JobColumns)[]) {
  const [only] = rows;
  if (only && rows.length === 1) return publishOne(services, kind, only);
  for (let at = 0; at < rows.length; at += jobsPerRequest) {
    await services.publishAll(rows.slice(at, at + jobsPerRequest).map((row) => jobOf(kind, row)));
  }
}

async function publishOne<Row>(services: Services, kind: JobKind<Row>, row: Row & JobColumns): Promise<void> {
  const parent = parseTraceparent(row.traceparent) ?? row.trace;
  const named = kind.span?.(row);
  const span =
    parent && named && services.tracer.start(named.name, { parent, kind: "producer", attributes: named.attributes });
  try {
    await services.publish(withTrace(jobOf(kind, row), span?.context));
    span?.end();
  } catch (error) {
    span?.end({ error: "not_published" });
    throw error;
  }
}

/** The call for a row. Its trace is the stored one. */
export function jobOf<Row>(kind: JobKind<Row>, row: Row & JobColumns): Job {
  const job = kind.toJob(row);
  return row.traceparent ? { ...job, traceparent: row.traceparent } : job;
}

/** The `traceparent` that is stored with a job. */
export const traceparentOf = (trace: TraceContext | undefined) => (trace ? formatTraceparent(trace) : null);

const withTrace = (job: Job, context: TraceContext | undefined): Job =>
  context === undefined
    ? job
    : {
        ...job,
        traceparent: formatTraceparent(context),
        ...(context.state === undefined ? {} : { tracestate: context.state }),
      };
