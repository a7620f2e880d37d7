import { dueJobs } from "../jobs/due-jobs.ts";

/** Queues the next events of a replay. */
export const replayJobs = dueJobs("replay", (id, deduplicationId) => ({
  kind: "replay",
  body: { replayId: id },
  deduplicationId,
}));
