import { z } from "zod";
import {
  AlertChannel,
  AlertChannelId,
  AlertChannelList,
  AlertTest,
  AppError,
  ChangeAlertChannel,
  CreateAlertChannel,
  CreatedAlertChannel,
} from "@sandi/contracts";
import { created, noContent, ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { alertTestLimit } from "../rate-limits/named.ts";
import { changeChannel } from "./change-channel.ts";
import { createChannel } from "./create-channel.ts";
import { deleteChannel } from "./delete-channel.ts";
import { findChannel, findChannels, toChannel } from "./repository.ts";
import { testChannel } from "./test-channel.ts";

const byId = z.object({ id: AlertChannelId });

export const channelOperations: readonly Operation[] = [
  operation({
    id: "createAlertChannel",
    method: "post",
    path: "/v1/alert-channels",
    scope: "webhook:manage",
    live: true,
    idempotent: "create",
    summary: "Create an alert channel",
    description:
      "A channel is a Telegram chat, a Slack-compatible webhook, or a plain webhook that is signed as Standard Webhooks describes. It reports each incident of a session once (the session needs you, is offline, limited, cannot reach its proxy, does not send, has no connector), and once more when the session has recovered. An incident that opens again is reported once an hour at most. Many incidents at once are one digest. Tokens and addresses are sealed and never shown again. Addresses are https and on the public internet. At most 20 channels. A channel belongs to the key that makes it. It pauses when that key is revoked, expires or loses `webhook:manage`; after a rotation it belongs to the new key.",
    body: {
      schema: CreateAlertChannel,
      example: {
        kind: "slack",
        name: "On call",
        url: "https://hooks.example.com/services/T1/B1/x",
      },
    },
    answers: created(CreatedAlertChannel, "Stored."),
    throws: ["alert-channel-limit-reached"],
    handle: (ctx, { body, idempotencyKey }) => createChannel(ctx, { input: body, idempotencyKey }),
  }),
  operation({
    id: "listAlertChannels",
    method: "get",
    path: "/v1/alert-channels",
    scope: "webhook:manage",
    live: true,
    summary: "List alert channels",
    description: "Without their secrets.",
    answers: ok(AlertChannelList, "All channels, oldest first."),
    handle: async ({ services, actor }) => {
      const rows = await findChannels(services.db, actor.workspaceId);
      return { channels: rows.map(toChannel) };
    },
  }),
  operation({
    id: "getAlertChannel",
    method: "get",
    path: "/v1/alert-channels/{id}",
    scope: "webhook:manage",
    live: true,
    summary: "Look at an alert channel",
    description: "Also at why it is paused.",
    params: byId,
    answers: ok(AlertChannel, "The channel."),
    handle: async ({ services, actor }, { params }) => {
      const row = await findChannel(services.db, actor.workspaceId, params.id);
      if (!row) throw new AppError("alert-channel-not-found");
      return toChannel(row);
    },
  }),
  operation({
    id: "changeAlertChannel",
    method: "patch",
    path: "/v1/alert-channels/{id}",
    scope: "webhook:manage",
    live: true,
    idempotent: "change",
    summary: "Change an alert channel",
    description:
      "Its name, what it reports and when; its target and secrets; `isPaused` pauses and resumes it. Deliveries on their way go to the new target. A channel stays paused until you set `isPaused` to false: test it first. If its key has ended, it then belongs to the calling key. A key cannot change a channel that outlives it.",
    params: byId,
    body: { schema: ChangeAlertChannel, example: { afterSeconds: 120 } },
    answers: ok(AlertChannel, "Changed."),
    handle: (ctx, { params, body }) => changeChannel(ctx, { id: params.id, change: body }),
  }),
  operation({
    id: "deleteAlertChannel",
    method: "delete",
    path: "/v1/alert-channels/{id}",
    scope: "webhook:manage",
    live: true,
    idempotent: "change",
    summary: "Delete an alert channel",
    description: "With its secrets, incidents and deliveries.",
    params: byId,
    answers: noContent("Deleted."),
    handle: (ctx, { params }) => deleteChannel(ctx, params.id),
  }),
  operation({
    id: "testAlertChannel",
    method: "post",
    path: "/v1/alert-channels/{id}/test",
    scope: "webhook:manage",
    live: true,
    idempotent: "change",
    summary: "Send a test",
    description:
      "Sends one message to the target, also for a paused channel. The answer has `status`, `lastStatus` and `error`; `answer` has Telegram's or Slack's own words. A test is not repeated, and does not pause the channel.",
    limits: alertTestLimit,
    isAudited: false,
    params: byId,
    answers: ok(AlertTest, "How it went: `delivered` or `failed`."),
    handle: (ctx, { params }) => testChannel(ctx, params.id),
  }),
];
