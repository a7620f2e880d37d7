import type { Feature } from "../feature.ts";
import { deliveryOperations } from "./delivery-routes.ts";
import { eventTopic } from "./event-topic.ts";
import { webhookOperations } from "./routes.ts";

export const webhooks: Feature = {
  tag: {
    name: "Webhooks",
    description: "Addresses of yours that get events, signed as Standard Webhooks describes, and what was delivered.",
  },
  notFound: "webhook-not-found",
  operations: [...webhookOperations, ...deliveryOperations],
  topics: [eventTopic],
};
