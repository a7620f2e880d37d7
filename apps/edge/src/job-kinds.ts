import { features } from "./features.ts";
import type { JobKind } from "./jobs/kind.ts";

/** The kinds of jobs of all features, by priority. */
export const jobKinds: readonly JobKind[] = features
  .flatMap(({ jobs = [] }) => jobs)
  .toSorted((a, b) => a.priority - b.priority);
