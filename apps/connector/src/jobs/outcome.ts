/** The result of a job: nothing is left to do, or the queue must deliver it again. */
export type JobOutcome = { status: "done" } | { status: "later"; retryAfterSeconds: number; why: string };

export const done: JobOutcome = { status: "done" };

export function later(retryAfterSeconds: number, why: string): JobOutcome {
  return { status: "later", retryAfterSeconds: Math.max(1, retryAfterSeconds), why };
}

/** Two deliveries of the same job share one run. */
export function sharedRuns<Job extends { messageId: string; sessionId: string }, More extends unknown[]>(
  run: (job: Job, ...more: More) => Promise<JobOutcome>,
): (job: Job, ...more: More) => Promise<JobOutcome> {
  const running = new Map<string, Promise<JobOutcome>>();
  return (job, ...more) => {
    const key = `${job.sessionId} ${job.messageId}`;
    let outcome = running.get(key);
    if (!outcome) {
      outcome = run(job, ...more).finally(() => running.delete(key));
      running.set(key, outcome);
    }
    return outcome;
  };
}
