import { sql } from "kysely";
import { type JobKind, republishMs } from "../jobs/kind.ts";

/** Makes the next messages of a batch. */
export const batchJobs: JobKind<{ dueAt: number | null }> = {
  name: "batch",
  priority: 4,
  subject: "batch",
  columns: sql`batch.due_at`,
  expiresAt: () => sql`NULL`,
  isWanted: () => sql`(batch.due_at IS NOT NULL)`,
  isReady: (at) => sql`(batch.due_at <= ${at})`,
  backOff: { quickPublishes: 1_000_000, longestMs: republishMs },
  // Each time that the batch becomes due is one call.
  toJob: ({ id, dueAt }) => ({ kind: "batch", body: { batchId: id }, deduplicationId: `${id}.${dueAt ?? 0}` }),
};
