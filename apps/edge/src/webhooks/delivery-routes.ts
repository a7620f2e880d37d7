import {
  ClearedWebhookDeliveries,
  ClearWebhookDeliveries,
  DeliveryId,
  ListWebhookDeliveries,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookDeliveryList,
  WebhookId,
} from "@sandi/contracts";
import { z } from "zod";
import { accepted, ok, partialPage } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { webhookRetryLimit } from "../rate-limits/named.ts";
import { clearDeliveries } from "./clear-deliveries.ts";
import { getDelivery } from "./get-delivery.ts";
import { listDeliveries } from "./list-deliveries.ts";
import { retryDelivery } from "./retry-delivery.ts";

const byId = z.object({ id: WebhookId });
const byDelivery = z.object({ id: WebhookId, deliveryId: DeliveryId });
const ofDelivery = { notFoundOf: { deliveryId: "delivery-not-found" }, throws: ["delivery-not-found"] } as const;
const scope = "webhook:manage";

export const deliveryOperations: readonly Operation[] = [
  operation({
    id: "listWebhookDeliveries",
    method: "get",
    path: "/v1/webhooks/{id}/deliveries",
    scope,
    summary: "List a webhook's deliveries",
    description: "Newest first: each event that the webhook subscribes to, and how far its delivery is.",
    params: byId,
    query: ListWebhookDeliveries,
    answers: partialPage(WebhookDeliveryList, "deliveries"),
    handle: (ctx, { params, query }) => listDeliveries(ctx, { ...query, webhookId: params.id }),
  }),
  operation({
    id: "getWebhookDelivery",
    method: "get",
    path: "/v1/webhooks/{id}/deliveries/{deliveryId}",
    scope,
    summary: "Get a delivery",
    description: "With every attempt: when, how long it took, and what the address answered.",
    params: byDelivery,
    ...ofDelivery,
    answers: ok(WebhookDeliveryDetail, "The delivery."),
    handle: (ctx, { params: { id, deliveryId } }) => getDelivery(ctx, { webhookId: id, deliveryId }),
  }),
  operation({
    id: "retryWebhookDelivery",
    method: "post",
    path: "/v1/webhooks/{id}/deliveries/{deliveryId}/retry",
    scope,
    idempotent: "change",
    summary: "Retry a delivery",
    description:
      "Sends an event again whose delivery has ended, with all attempts of the schedule. The request has the same `webhook-id`, and `webhook-replay: true`. It goes out of order, also for a webhook with order.",
    limits: webhookRetryLimit,
    params: byDelivery,
    notFoundOf: ofDelivery.notFoundOf,
    throws: ["delivery-not-found", "delivery-not-ended"],
    answers: accepted(WebhookDelivery, "Queued."),
    handle: (ctx, { params: { id, deliveryId } }) => retryDelivery(ctx, { webhookId: id, deliveryId }),
  }),
  operation({
    id: "clearWebhookDeliveries",
    method: "delete",
    path: "/v1/webhooks/{id}/deliveries",
    scope,
    idempotent: "change",
    summary: "Delete old deliveries",
    description:
      "Deletes deliveries that have ended, with their attempts. Those that wait stay, and so do the statistics. One call deletes 10,000 at most.",
    params: byId,
    query: ClearWebhookDeliveries,
    answers: ok(ClearedWebhookDeliveries, "How many were deleted."),
    handle: (ctx, { params, query }) => clearDeliveries(ctx, { webhookId: params.id, ...query }),
  }),
];
