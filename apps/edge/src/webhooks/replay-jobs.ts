import { sql } from "kysely";
import { type JobKind, republishMs } from "../jobs/kind.ts";

/** Queues the next events of a replay. */
export const replayJobs: JobKind<{ dueAt: number | null }> = {
  name: "replay",
  priority: 4,
  subject: "replay",
  columns: sql`replay.due_at`,
  expiresAt: () => sql`NULL`,
  isWanted: () => sql`(replay.due_at IS NOT NULL)`,
  isReady: (at) => sql`(replay.due_at <= ${at})`,
  backOff: { quickPublishes: 1_000_000, longestMs: republishMs },
  // Each time that the replay becomes due is one call.
  toJob: ({ id, dueAt }) => ({ kind: "replay", body: { replayId: id }, deduplicationId: `${id}.${dueAt ?? 0}` }),
};
