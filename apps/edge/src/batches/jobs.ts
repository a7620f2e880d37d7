import { dueJobs } from "../jobs/due-jobs.ts";

/** Makes the next messages of a batch. */
export const batchJobs = dueJobs("batch", (id, deduplicationId) => ({
  kind: "batch",
  body: { batchId: id },
  deduplicationId,
}));
