import {
  CreateWebhookReplay,
  ListWebhookReplays,
  ReplayId,
  WebhookId,
  WebhookReplay,
  WebhookReplayList,
} from "@sandi/contracts";
import { z } from "zod";
import { accepted, ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { webhookReplayLimit } from "../rate-limits/named.ts";
import { createReplay } from "./create-replay.ts";
import { toReplay } from "./present-replay.ts";
import { findReadableWebhook } from "./readable-webhook.ts";
import { findReplay, findReplays } from "./repository.ts";

const byId = z.object({ id: WebhookId });
const scope = "webhook:manage";

export const replayOperations: readonly Operation[] = [
  operation({
    id: "createWebhookReplay",
    method: "post",
    path: "/v1/webhooks/{id}/replay",
    scope,
    idempotent: "create",
    summary: "Replay events",
    description:
      "Sends the events of a time again, as far as they are still stored: also those that happened before the webhook was made, so that a new address gets the past. The webhook's filters hold, and it sees what its key sees. Each event goes once in a replay, with its `webhook-id` and `webhook-replay: true`, out of order. An event whose delivery still waits is left out. With `status: failed` only those go whose delivery has failed. It is a job: while 2,000 deliveries of the webhook wait, it waits, too.",
    limits: webhookReplayLimit,
    params: byId,
    body: {
      schema: CreateWebhookReplay,
      example: { createdAfter: "2026-11-21T05:00:00.000Z", createdBefore: "2026-11-21T08:00:00.000Z" },
    },
    answers: accepted(WebhookReplay, "It has begun."),
    throws: ["replay-limit-reached"],
    locationOf: (replayId, { id }) => `/v1/webhooks/${id}/replays/${replayId}`,
    handle: (ctx, { params, body, idempotencyKey }) =>
      createReplay(ctx, { webhookId: params.id, input: body, idempotencyKey }),
  }),
  operation({
    id: "listWebhookReplays",
    method: "get",
    path: "/v1/webhooks/{id}/replays",
    scope,
    summary: "List a webhook's replays",
    description: "Newest first. They are kept for 90 days after their end.",
    params: byId,
    query: ListWebhookReplays,
    answers: page(WebhookReplayList, "replays"),
    handle: async (ctx, { params, query }) => {
      await findReadableWebhook(ctx, params.id);
      const { services, actor } = ctx;
      return (await findReplays(services.db, actor.workspaceId, { ...query, webhookId: params.id })).map(toReplay);
    },
  }),
  operation({
    id: "getWebhookReplay",
    method: "get",
    path: "/v1/webhooks/{id}/replays/{replayId}",
    scope,
    summary: "Get a replay",
    description: "How many events it has queued so far.",
    params: z.object({ id: WebhookId, replayId: ReplayId }),
    notFoundOf: { replayId: "replay-not-found" },
    throws: ["replay-not-found"],
    answers: ok(WebhookReplay, "The replay."),
    handle: async (ctx, { params: { id, replayId } }) => {
      await findReadableWebhook(ctx, id);
      const { services, actor } = ctx;
      return toReplay(await findReplay(services.db, actor.workspaceId, { webhookId: id, replayId }));
    },
  }),
];
