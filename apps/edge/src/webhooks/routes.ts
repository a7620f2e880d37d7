import {
  ChangeWebhook,
  CreatedWebhook,
  CreateWebhook,
  ListWebhooks,
  RotatedWebhookSecret,
  RotateWebhookSecret,
  Webhook,
  WebhookId,
  WebhookList,
  WebhookStats,
  WebhookStatsQuery,
  WebhookTest,
} from "@sandi/contracts";
import { z } from "zod";
import { hourMs, rangeOf } from "../analytics/range.ts";
import { tenantOf } from "../auth/tenant.ts";
import { created, noContent, ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { webhookTestLimit } from "../rate-limits/named.ts";
import { changeWebhook } from "./change-webhook.ts";
import { createWebhook } from "./create-webhook.ts";
import { deleteWebhook } from "./delete-webhook.ts";
import { toWebhook } from "./present.ts";
import { findReadableWebhook } from "./readable-webhook.ts";
import { findWebhook, findWebhooks } from "./repository.ts";
import { rotateWebhookSecret } from "./rotate-secret.ts";
import { statsOf } from "./stats.ts";
import { testWebhook } from "./test-webhook.ts";

const byId = z.object({ id: WebhookId });
const scope = "webhook:manage";

export const webhookOperations: readonly Operation[] = [
  operation({
    id: "createWebhook",
    method: "post",
    path: "/v1/webhooks",
    scope,
    idempotent: "create",
    summary: "Create a webhook",
    description:
      "An address of yours that gets events as they happen, from now on, as POST requests that are signed as Standard Webhooks describes. Any answer with 2xx within 15 seconds counts as delivered; otherwise the event is sent again, nine times within two days. The webhook sees what its key sees: without `message:read` no contents and masked numbers, without `lookup:read` nothing that shows that a number has no account. Made with a test key, it gets the events of the sandbox, and no others. It belongs to the key that makes it, and pauses when that key ends or loses `webhook:manage`; after a rotation it belongs to the new key. At most 1,000 webhooks.",
    body: {
      schema: CreateWebhook,
      example: {
        url: "https://app.example.com/hooks/sandi",
        events: ["message.*", "session.state"],
        headers: { authorization: "Bearer a-token-of-yours" },
        description: "CRM",
        isOrdered: true,
      },
    },
    answers: created(CreatedWebhook, "Stored."),
    throws: ["webhook-limit-reached", "session-not-found"],
    handle: (ctx, { body, idempotencyKey }) => createWebhook(ctx, { input: body, idempotencyKey }),
  }),
  operation({
    id: "listWebhooks",
    method: "get",
    path: "/v1/webhooks",
    scope,
    summary: "List webhooks",
    description: "Oldest first, without their secrets.",
    query: ListWebhooks,
    answers: page(WebhookList, "webhooks"),
    handle: async ({ services, actor }, { query }) => {
      const rows = await findWebhooks(services.db, tenantOf(actor), query);
      return Promise.all(rows.map((row) => toWebhook(services, row)));
    },
  }),
  operation({
    id: "getWebhook",
    method: "get",
    path: "/v1/webhooks/{id}",
    scope,
    summary: "Get a webhook",
    description: "Also why it is paused, and since when it fails.",
    params: byId,
    answers: ok(Webhook, "The webhook."),
    handle: async ({ services, actor }, { params }) =>
      toWebhook(services, await findWebhook(services.db, tenantOf(actor), params.id)),
  }),
  operation({
    id: "changeWebhook",
    method: "patch",
    path: "/v1/webhooks/{id}",
    scope,
    idempotent: "change",
    summary: "Change a webhook",
    description:
      "Its address, headers and filters; `isPaused` pauses and resumes it. A paused webhook holds its events; when it is resumed, they are sent. New filters hold for events from now on; what waits goes to the new address. If its key has ended, a resumed webhook belongs to the calling key. A key cannot change a webhook that outlives it or sees more than it.",
    params: byId,
    body: { schema: ChangeWebhook, example: { events: ["*"] } },
    answers: ok(Webhook, "Changed."),
    throws: ["session-not-found"],
    handle: (ctx, { params, body }) => changeWebhook(ctx, { id: params.id, change: body }),
  }),
  operation({
    id: "deleteWebhook",
    method: "delete",
    path: "/v1/webhooks/{id}",
    scope,
    idempotent: "change",
    summary: "Delete a webhook",
    description: "With its secrets, deliveries, replays and statistics. Events that wait are not sent.",
    params: byId,
    answers: noContent("Deleted."),
    handle: (ctx, { params }) => deleteWebhook(ctx, params.id),
  }),
  operation({
    id: "testWebhook",
    method: "post",
    path: "/v1/webhooks/{id}/test",
    scope,
    idempotent: "change",
    summary: "Send a test",
    description:
      "Sends an event of the type `webhook.test`, signed like all others, also to a paused webhook, and answers what the address said. A test is not repeated, and does not pause the webhook.",
    limits: webhookTestLimit,
    isAudited: false,
    params: byId,
    answers: ok(WebhookTest, "How it went: `delivered` or `failed`."),
    handle: (ctx, { params }) => testWebhook(ctx, params.id),
  }),
  operation({
    id: "rotateWebhookSecret",
    method: "post",
    path: "/v1/webhooks/{id}/rotate-secret",
    scope,
    idempotent: "rotation",
    summary: "Rotate a webhook's secret",
    description:
      "Makes a new secret, or takes one of yours. During the overlap each request has two signatures: exchange the secret at your side, and nothing is lost. A second rotation during the overlap ends the first secret. A repetition with the same `Idempotency-Key` changes nothing, and its answer has no secret.",
    params: byId,
    body: { schema: RotateWebhookSecret, example: { overlapSeconds: 86_400 } },
    answers: ok(RotatedWebhookSecret, "The new secret."),
    handle: (ctx, { params, body }) => rotateWebhookSecret(ctx, { id: params.id, rotation: body }),
  }),
  operation({
    id: "getWebhookStats",
    method: "get",
    path: "/v1/webhooks/{id}/stats",
    scope,
    summary: "Get a webhook's statistics",
    description: "Attempts, errors and latencies of a range, in total and by hour. Tests are left out.",
    params: byId,
    query: WebhookStatsQuery,
    answers: ok(WebhookStats, "The counts until now."),
    handle: async (ctx, { params, query }) => {
      const { db, now } = ctx.services;
      const range = rangeOf(query, { now: now().getTime(), stepMs: hourMs });
      const { id } = await findReadableWebhook(ctx, params.id);
      return statsOf(db, id, range);
    },
  }),
];
