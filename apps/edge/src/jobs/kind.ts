import type { TraceContext } from "@sandi/tracing";
import { type RawBuilder, sql } from "kysely";
import type { Job } from "../services.ts";

/** The cron publishes a job this long after its batch, unless the request has published it. */
export const firstPublishMs = 15_000;
/** The shortest wait between two publishes by the cron. It is less than a minute because the cron's ticks are not exact. */
export const republishMs = 50_000;

/** What the engine knows of a stored job beside the columns of its subject. */
export interface JobColumns {
  /** The subject's id. */
  id: string;
  publishCount: number;
  /** As stored: the request that the job follows from. */
  traceparent?: string | null;
  /** The trace of the request that publishes it: it also has the caller's `tracestate`. */
  trace?: TraceContext | undefined;
}

/** A kind of job: how a row of `job`, with the row that it is about, becomes a call that QStash makes. */
export interface JobKind<Row = unknown> {
  /** As stored in `job.kind`. */
  name: string;
  /** Due jobs of a lower number are published first. Nothing is sent without a session, and a code is worth little after a minute. */
  priority: 1 | 2 | 3 | 4 | 5;
  /** The table of the row that the job is about. */
  subject: "message" | "session" | "delivery";
  /** The columns of the subject that `toJob` needs. */
  columns: RawBuilder<unknown>;
  /** When the job ends by itself, in SQL about its subject. NULL: never. */
  expiresAt(at: number): RawBuilder<unknown>;
  /** True in SQL while the subject needs the job. From then on the job is deleted. */
  isWanted(at: number): RawBuilder<boolean>;
  /** True in SQL when the job may be published now. If left out: always. */
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
