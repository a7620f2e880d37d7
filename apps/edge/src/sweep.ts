import { features, jobKinds } from "./features.ts";
import { sweepJobs } from "./jobs/delete-jobs.ts";
import { hasMore, sweepSize } from "./retention.ts";
import type { Services } from "./services.ts";

/** Deletes old rows in one batch. Returns whether more may be left. */
export async function sweep(services: Services): Promise<boolean> {
  const { db, now } = services;
  const results = await db.write([
    ...features.flatMap(({ sweeps }) => sweeps?.(services) ?? []),
    ...sweepJobs(db, jobKinds, { at: now().getTime(), limit: sweepSize }),
  ]);
  return results.some(hasMore);
}
