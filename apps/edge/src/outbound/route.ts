import { deliverPath, DeliveryJob } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { readQueueCall } from "../http/queue-call.ts";
import { deliver } from "./deliver.ts";
import type { Topic } from "./topic.ts";

const busySeconds = 30;

/** What QStash calls for each delivery: the answer tells QStash whether to call again, and when. */
export const deliverRoute = (topics: readonly Topic[]) =>
  new Hono<AppEnv>().post(deliverPath, async (c) => {
    const { deliveryId } = await readQueueCall(c, deliverPath, DeliveryJob);
    const outcome = await deliver(c.env.services, topics, deliveryId);
    if (outcome === undefined) return c.json({ outcome: "nothing" });
    if (outcome === "busy") return c.json({ outcome: "busy" }, 503, { "Retry-After": String(busySeconds) });
    if (outcome.kind === "delivered") return c.json({ outcome: "delivered" });
    const { error } = outcome;
    if (outcome.kind === "retry") {
      return c.json({ outcome: "retry", error }, 503, { "Retry-After": String(outcome.retryAfterSeconds) });
    }
    // 489 is QStash's own status: it does not repeat the call.
    const body = JSON.stringify({ outcome: "failed", error });
    const headers = { "content-type": "application/json", "Upstash-NonRetryable-Error": "true" };
    return new Response(body, { status: 489, headers });
  });
