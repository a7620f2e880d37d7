import { deliverPath, DeliveryJob } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { readQueueCall } from "../http/queue-call.ts";
import { deliver } from "./deliver.ts";
import type { Topic } from "./topic.ts";

/** What QStash calls for each delivery. */
export const deliverRoute = (topics: readonly Topic[]) =>
  new Hono<AppEnv>().post(deliverPath, async (c) => {
    const { deliveryId } = await readQueueCall(c, deliverPath, DeliveryJob);
    const outcome = await deliver(c.env.services, topics, deliveryId);
    if (outcome === undefined) return c.json({ outcome: "nothing" });
    // Every other outcome is stored with its next attempt: QStash repeats only what nobody has recorded.
    if (!("kind" in outcome))
      return c.json({ outcome: "busy" }, 503, { "Retry-After": String(outcome.retryAfterSeconds) });
    return c.json({ outcome: outcome.kind, ...("error" in outcome ? { error: outcome.error } : {}) });
  });
