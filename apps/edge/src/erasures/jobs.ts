import { dueJobs } from "../jobs/due-jobs.ts";

/** Does the next work of an erasure. */
export const erasureJobs = dueJobs("erasure", (id, deduplicationId) => ({
  kind: "erasure",
  body: { erasureId: id },
  deduplicationId,
}));
