import {
  ClearedWebhookDeliveries,
  ClearWebhookDeliveries,
  ListWebhookDeliveries,
  WebhookDeliveryList,
  WebhookId,
} from "@sandi/contracts";
import { z } from "zod";
import { ok, partialPage } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { clearDeliveries } from "./clear-deliveries.ts";
import { listDeliveries } from "./list-deliveries.ts";

const byId = z.object({ id: WebhookId });
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
