import { AppError, ReplayJob, replayPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { parseBody } from "../http/validation.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advanceReplay } from "./advance-replay.ts";
import { replayJobs } from "./replay-jobs.ts";

const bodyLimit = 1024;
/** One call does so many rounds. Then the replay queues behind the calls of others. */
const roundsOfCall = 8;

/** What QStash calls for a replay: it queues some events, and publishes the next call if more are left. */
export const advanceReplayRoute = new Hono<AppEnv>().post(replayPath, async (c) => {
  const { services } = c.env;
  const signature = c.req.header("upstash-signature") ?? "";
  // Without a signature the body is not read, and without a good one it is not parsed.
  if (signature === "") throw new AppError("signature-invalid");
  if (!(await services.isFromQueue(signature, `${services.publicUrl}${replayPath}`, await readRaw(c, bodyLimit)))) {
    throw new AppError("signature-invalid");
  }
  const { replayId } = parseBody(ReplayJob, parseRaw(c));
  const hasMore = await advanceReplay(services, replayId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, replayJobs, [replayId]));
  return c.json({ hasMore });
});
