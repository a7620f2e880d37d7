import { AppError, BatchJob, expandPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { parseBody } from "../http/validation.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { advance } from "./advance.ts";
import { batchJobs } from "./jobs.ts";

const bodyLimit = 1024;
/** One call makes so many times 25 messages. Then the batch queues behind the calls of others. */
const roundsOfCall = 4;

/** What QStash calls for a batch: it does some of the work, and publishes the next call if more is left. */
export const expandRoute = new Hono<AppEnv>().post(expandPath, async (c) => {
  const { services } = c.env;
  const signature = c.req.header("upstash-signature") ?? "";
  // Without a signature the body is not read, and without a good one it is not parsed.
  if (signature === "") throw new AppError("signature-invalid");
  if (!(await services.isFromQueue(signature, `${services.publicUrl}${expandPath}`, await readRaw(c, bodyLimit)))) {
    throw new AppError("signature-invalid");
  }
  const { batchId } = parseBody(BatchJob, parseRaw(c));
  const hasMore = await advance(services, batchId, roundsOfCall);
  if (hasMore) services.waitUntil(publishStored(services, batchJobs, [batchId]));
  return c.json({ hasMore });
});
