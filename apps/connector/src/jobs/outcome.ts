/** What became of a job: there is nothing left to do, or the queue should bring it again. */
export type JobOutcome = { status: "done" } | { status: "later"; retryAfterSeconds: number; why: string };

export const done: JobOutcome = { status: "done" };

export function later(retryAfterSeconds: number, why: string): JobOutcome {
  return { status: "later", retryAfterSeconds: Math.max(1, retryAfterSeconds), why };
}

/** Two deliveries of the same job share one run. */
export function sharedRuns<Job extends { messageId: string }, More extends unknown[]>(
  run: (job: Job, ...more: More) => Promise<JobOutcome>,
): (job: Job, ...more: More) => Promise<JobOutcome> {
  const underway = new Map<string, Promise<JobOutcome>>();
  return (job, ...more) => {
    let running = underway.get(job.messageId);
    if (!running) {
      running = run(job, ...more).finally(() => underway.delete(job.messageId));
      underway.set(job.messageId, running);
    }
    return running;
  };
}
