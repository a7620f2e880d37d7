import { AppError, erasePath, ErasureJob } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { parseBody } from "../http/validation.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advance } from "./advance.ts";
import { erasureJobs } from "./jobs.ts";

const bodyLimit = 1024;
/** One call does so many rounds. Then the erasure queues behind the calls of others. */
const roundsOfCall = 8;

/** What QStash calls for an erasure: it does some of the work, and publishes the next call if more is left. */
export const advanceRoute = new Hono<AppEnv>().post(erasePath, async (c) => {
  const { services } = c.env;
  const signature = c.req.header("upstash-signature") ?? "";
  // Without a signature the body is not read, and without a good one it is not parsed.
  if (signature === "") throw new AppError("signature-invalid");
  if (!(await services.isFromQueue(signature, `${services.publicUrl}${erasePath}`, await readRaw(c, bodyLimit)))) {
    throw new AppError("signature-invalid");
  }
  const { erasureId } = parseBody(ErasureJob, parseRaw(c));
  const hasMore = await advance(services, erasureId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, erasureJobs, [erasureId]));
  return c.json({ hasMore });
});
