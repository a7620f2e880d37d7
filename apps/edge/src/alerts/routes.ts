import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
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
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateToRead, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { alertTestLimit } from "../limits/named.ts";
import { changeChannel } from "./change-channel.ts";
import { createChannel } from "./create-channel.ts";
import { deleteChannel } from "./delete-channel.ts";
import { findChannel, findChannels, toChannel } from "./repository.ts";
import { testChannel } from "./test-channel.ts";

const params = z.object({ id: AlertChannelId });
const manage = authenticate("webhook:manage");
const shared = { tags: ["Alerts"], security };

export const alerts = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/alert-channels",
      operationId: "createAlertChannel",
      summary: "Be told of incidents",
      description:
        "To a Telegram chat, a Slack-compatible webhook, or a plain webhook signed as Standard Webhooks do. A channel reports once what goes wrong with a session (it needs you, is offline, limited, cannot reach its proxy, does not send, has no connector), and when it is well again. An incident that comes and goes is reported once an hour at most; many at once are one digest. Tokens and addresses are sealed and never shown again. Addresses are https and on the public internet. At most 20 channels. A channel belongs to the key that makes it. It pauses when that key is revoked, expires or loses `webhook:manage`; after a rotation it belongs to the new key. Scope: `webhook:manage`, as for all of these.",
      middleware: [manage, liveOnly, jsonBody()] as const,
      request: {
        headers: idempotencyHeader,
        body: body(CreateAlertChannel, {
          kind: "slack",
          name: "On call",
          url: "https://hooks.example.com/services/T1/B1/x",
        }),
      },
      responses: {
        201: json(CreatedAlertChannel, "Stored."),
        ...problems(...ofBodies, "alert-channel-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const input = { input: c.req.valid("json"), repetition: await repetitionOf(c) };
      const { resource, replayed } = await createChannel(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/alert-channels/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/alert-channels",
      operationId: "listAlertChannels",
      summary: "List alert channels",
      description: "Without their secrets.",
      middleware: [manage, liveOnly] as const,
      responses: { 200: json(AlertChannelList, "All channels, oldest first."), ...problems() },
    }),
    async (c) => {
      const rows = await findChannels(c.env.services.db, c.var.ctx.actor.workspaceId);
      return c.json({ channels: rows.map(toChannel) }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/alert-channels/{id}",
      operationId: "getAlertChannel",
      summary: "Look at an alert channel",
      description: "Also at why it is paused.",
      middleware: [manage, liveOnly] as const,
      request: { params },
      responses: { 200: json(AlertChannel, "The channel."), ...problems("alert-channel-not-found") },
    }),
    async (c) => {
      const row = await findChannel(c.env.services.db, c.var.ctx.actor.workspaceId, c.req.valid("param").id);
      if (!row) throw new AppError("alert-channel-not-found");
      return c.json(toChannel(row), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "patch",
      path: "/v1/alert-channels/{id}",
      operationId: "changeAlertChannel",
      summary: "Change an alert channel",
      description:
        "Its name, what it reports and when; its target and secrets; `isPaused` pauses and resumes it. Deliveries on their way go to the new target. A channel stays paused until you set `isPaused` to false: test it first. If its key has ended, it then belongs to the calling key. A key cannot change a channel that outlives it.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(ChangeAlertChannel, { afterSeconds: 120 }) },
      responses: {
        200: json(AlertChannel, "Changed."),
        ...problems(...ofBodies, ...ofRepeats, "alert-channel-not-found"),
      },
    }),
    async (c) => {
      const input = { id: c.req.valid("param").id, change: c.req.valid("json") };
      return c.json(await changeChannel(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/alert-channels/{id}",
      operationId: "deleteAlertChannel",
      summary: "Delete an alert channel",
      description: "With its secrets, and what was told there.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: {
        204: { description: "Deleted." },
        ...problems(...ofBodies, ...ofRepeats, "alert-channel-not-found"),
      },
    }),
    async (c) => {
      await deleteChannel(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/alert-channels/{id}/test",
      operationId: "testAlertChannel",
      summary: "Send a test",
      description:
        "Calls the target once, also of a paused channel, and answers what it said: `status`, `lastStatus` and `error`, with Telegram's or Slack's own words as `answer`. It is not repeated, and pauses nothing.",
      middleware: [authenticateToRead(alertTestLimit, "webhook:manage"), liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: {
        200: json(AlertTest, "How it went: `delivered` or `failed`."),
        ...problems(...ofBodies, ...ofRepeats, "alert-channel-not-found"),
      },
    }),
    async (c) => c.json(await testChannel(c.var.ctx, c.req.valid("param").id), 200),
  );
