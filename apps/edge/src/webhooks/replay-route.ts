import { ReplayJob, replayPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { readQueueCall } from "../http/queue-call.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advanceReplay } from "./advance-replay.ts";
import { replayJobs } from "./replay-jobs.ts";

/** One call does so many rounds. Then the replay queues behind the calls of others. */
const roundsOfCall = 8;

/** What QStash calls for a replay: it queues some events, and publishes the next call if more are left. */
export const advanceReplayRoute = new Hono<AppEnv>().post(replayPath, async (c) => {
  const { services } = c.env;
  const { replayId } = await readQueueCall(c, replayPath, ReplayJob);
  const hasMore = await advanceReplay(services, replayId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, replayJobs, [replayId]));
  return c.json({ hasMore });
});
