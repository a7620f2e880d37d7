import { erasePath, ErasureJob } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { readQueueCall } from "../http/queue-call.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advance } from "./advance.ts";
import { erasureJobs } from "./jobs.ts";

/** One call does so many rounds. Then the erasure queues behind the calls of others. */
const roundsOfCall = 8;

/** What QStash calls for an erasure: it does some of the work, and publishes the next call if more is left. */
export const advanceRoute = new Hono<AppEnv>().post(erasePath, async (c) => {
  const { services } = c.env;
  const { erasureId } = await readQueueCall(c, erasePath, ErasureJob);
  const hasMore = await advance(services, erasureId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, erasureJobs, [erasureId]));
  return c.json({ hasMore });
});
