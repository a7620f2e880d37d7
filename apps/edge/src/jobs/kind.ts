import type { TraceContext } from "@sandi/tracing";
import { type RawBuilder, sql } from "kysely";
import type { Job } from "../services.ts";

/** Cron publishes a job this long after its batch, unless the request has published it. */
export const firstPublishMs = 15_000;
/** The shortest wait between two publishes by cron: less than a minute, because cron does not run exactly on time. */
export const republishMs = 50_000;

/** Kinds of this priority have no share of their own in a cron run: their jobs are published after all others. */
export const lastPriority = 5;

/** The columns of a stored job. */
export interface JobColumns {
  /** The subject's id. */
  id: string;
  publishCount: number;
  /** The `traceparent` of the request that appended it. */
  traceparent?: string | null;
  /** The trace of the request that publishes it, with the caller's `tracestate`. */
  trace?: TraceContext | undefined;
}

/** A kind of job: how a row of `job` and its subject become a call of QStash. */
export interface JobKind<Row = unknown> {
  /** As stored in `job.kind`. */
  name: string;
  /** Due jobs of a lower number are published first: sessions before codes, codes before other messages. */
  priority: 1 | 2 | 3 | 4 | 5;
  /** The table of the row that the job is about. */
  subject: "message" | "session" | "delivery" | "batch" | "erasure" | "replay";
  /** The columns of the subject that `toJob` needs. */
  columns: RawBuilder<unknown>;
  /** When the job expires, in SQL about its subject. NULL: never. */
  expiresAt(at: number): RawBuilder<unknown>;
  /** True in SQL while the subject needs the job. When it becomes false, the job is deleted. */
  isWanted: (at: number) => RawBuilder<boolean>;
  /** True in SQL if the job may be published now. If left out: always. */
  isReady?(at: number): RawBuilder<boolean>;
  /** The wait doubles with each publish after the first `quickPublishes`, up to `longestMs`. */
  backOff: { quickPublishes: number; longestMs: number };
  toJob(row: Row & JobColumns): Job;
  /** The span of a publish beside the answer. If left out, none is recorded. */
  span?(row: Row & JobColumns): { name: string; attributes: Record<string, string> };
}

/** Milliseconds until the next publish of a `job`, in SQL. */
export const waitOf = ({ backOff: { quickPublishes, longestMs } }: Pick<JobKind, "backOff">) =>
  sql<number>`min(${longestMs}, ${republishMs} << max(0, min(publish_count - ${quickPublishes}, 10)))`;
