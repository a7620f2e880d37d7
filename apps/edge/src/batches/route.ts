import { BatchJob, expandPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { readQueueCall } from "../http/queue-call.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advance } from "./advance.ts";
import { batchJobs } from "./jobs.ts";

/** One call makes so many times 25 messages. Then the batch queues behind the calls of others. */
const roundsOfCall = 4;

/** What QStash calls for a batch: it does some of the work, and publishes the next call if more is left. */
export const expandRoute = new Hono<AppEnv>().post(expandPath, async (c) => {
  const { services } = c.env;
  const { batchId } = await readQueueCall(c, expandPath, BatchJob);
  const hasMore = await advance(services, batchId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, batchJobs, [batchId]));
  return c.json({ hasMore });
});
