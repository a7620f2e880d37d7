import { sql } from "kysely";
import type { Job } from "../services.ts";
import { type JobKind, republishMs } from "./kind.ts";

interface DueRow {
  dueAt: number | null;
}

/** Jobs that do the next work of a row. Each time that the row becomes due is one call. */
export function dueJobs(
  subject: "batch" | "erasure" | "replay",
  toJob: (id: string, deduplicationId: string) => Job,
): JobKind<DueRow> {
  const column = sql.raw(`${subject}.due_at`);
  return {
    name: subject,
    priority: 4,
    subject,
    columns: column,
    expiresAt: () => sql`NULL`,
    isWanted: () => sql`(${column} IS NOT NULL)`,
    isReady: (at) => sql`(${column} <= ${at})`,
    backOff: { quickPublishes: 1_000_000, longestMs: republishMs },
    toJob: ({ id, dueAt }) => toJob(id, `${id}.${dueAt ?? 0}`),
  };
}
