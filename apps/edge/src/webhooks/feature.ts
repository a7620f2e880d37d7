import type { Feature } from "../feature.ts";
import { deliveryOperations } from "./delivery-routes.ts";
import { eventTopic } from "./event-topic.ts";
import { sweepReplays } from "./replay-cron.ts";
import { replayJobs } from "./replay-jobs.ts";
import { advanceReplayRoute } from "./replay-route.ts";
import { replayOperations } from "./replay-routes.ts";
import { webhookOperations } from "./routes.ts";

export const webhooks: Feature = {
  tag: {
    name: "Webhooks",
    description: "Addresses of yours that get events, signed as Standard Webhooks describes, and what was delivered.",
  },
  notFound: "webhook-not-found",
  operations: [...webhookOperations, ...deliveryOperations, ...replayOperations],
  topics: [eventTopic],
  routes: advanceReplayRoute,
  jobs: [replayJobs],
  sweeps: sweepReplays,
};
