import { alertJobs } from "./alerts/jobs.ts";
import type { JobKind } from "./jobs/kind.ts";
import { codeJobs, revokeJobs, textJobs } from "./messages/jobs.ts";
import { sessionJobs } from "./sessions/jobs.ts";

/** All kinds of jobs, by priority. Nothing is sent without a session, and a code is worth little after a minute. */
export const jobKinds: readonly JobKind[] = [sessionJobs, codeJobs, revokeJobs, alertJobs, textJobs];
