import { AppError, deliverPath, DeliveryJob } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { parseBody } from "../http/validation.ts";
import { deliver } from "./deliver.ts";
import type { Topic } from "./topic.ts";

const bodyLimit = 1024;

/** What QStash calls for each delivery. */
export const deliverRoute = (topics: readonly Topic[]) =>
  new Hono<AppEnv>().post(deliverPath, async (c) => {
    const { isFromQueue, publicUrl } = c.env.services;
    const signature = c.req.header("upstash-signature") ?? "";
    // Without a signature the body is not read, and without a good one it is not parsed.
    if (signature === "") throw new AppError("signature-invalid");
    if (!(await isFromQueue(signature, `${publicUrl}${deliverPath}`, await readRaw(c, bodyLimit)))) {
      throw new AppError("signature-invalid");
    }
    const { deliveryId } = parseBody(DeliveryJob, parseRaw(c));
    const outcome = await deliver(c.env.services, topics, deliveryId);
    if (outcome === undefined) return c.json({ outcome: "nothing" });
    // Every other outcome is stored with its next attempt: QStash repeats only what nobody has recorded.
    if (!("kind" in outcome))
      return c.json({ outcome: "busy" }, 503, { "Retry-After": String(outcome.retryAfterSeconds) });
    return c.json({ outcome: outcome.kind, ...("error" in outcome ? { error: outcome.error } : {}) });
  });
