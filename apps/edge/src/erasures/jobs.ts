import { sql } from "kysely";
import { type JobKind, republishMs } from "../jobs/kind.ts";

/** Does the next work of an erasure. */
export const erasureJobs: JobKind<{ dueAt: number | null }> = {
  name: "erasure",
  priority: 4,
  subject: "erasure",
  columns: sql`erasure.due_at`,
  expiresAt: () => sql`NULL`,
  isWanted: () => sql`(erasure.due_at IS NOT NULL)`,
  isReady: (at) => sql`(erasure.due_at <= ${at})`,
  backOff: { quickPublishes: 1_000_000, longestMs: republishMs },
  // Each time that the erasure becomes due is one call.
  toJob: ({ id, dueAt }) => ({ kind: "erasure", body: { erasureId: id }, deduplicationId: `${id}.${dueAt ?? 0}` }),
};
