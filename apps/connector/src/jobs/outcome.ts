/** What became of a job: there is nothing left to do, or the queue should bring it again. */
export type JobOutcome = { status: "done" } | { status: "later"; retryAfterSeconds: number; why: string };

export const done: JobOutcome = { status: "done" };

export function later(retryAfterSeconds: number, why: string): JobOutcome {
  return { status: "later", retryAfterSeconds: Math.max(1, retryAfterSeconds), why };
}

/** Two deliveries of the same job share one run. */
export function sharedRuns<Job extends { messageId: string; sessionId: string }, More extends unknown[]>(
  run: (job: Job, ...more: More) => Promise<JobOutcome>,
): (job: Job, ...more: More) => Promise<JobOutcome> {
  const underway = new Map<string, Promise<JobOutcome>>();
  return (job, ...more) => {
    const key = `${job.sessionId} ${job.messageId}`;
    let running = underway.get(key);
    if (!running) {
      running = run(job, ...more).finally(() => underway.delete(key));
      underway.set(key, running);
    }
    return running;
  };
}
