import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { AppError, CreateMessage, Message, MessageId } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateUnmetered } from "../http/auth.ts";
import { jsonBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { takeLimits } from "../limits/limits.ts";
import { recipientLimits, workspaceSendLimits } from "../limits/named.ts";
import { tenantOf } from "../keys/tenant.ts";
import { parsePhone } from "../phone.ts";
import { toMessage } from "./present.ts";
import { findMessage } from "./repository.ts";
import { sendMessage } from "./send-message.ts";

const shared = { tags: ["Messages"], security };

export const messages = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/messages",
      operationId: "sendMessage",
      summary: "Send a text",
      description:
        "Accepts a text for a WhatsApp number. It ends as `sent` or, after 24 hours at the latest, as `failed` with a reason. Block rules for the number, a prefix or its country hold here as for codes, unless an allow rule matches; the policy's `countries` are for codes only. The policy's `messagesPerRecipientPerHour` and `…PerDay` limit what goes to one number. Scope: `message:send`.",
      middleware: [authenticateUnmetered("message:send"), jsonBody()] as const,
      request: {
        headers: idempotencyHeader,
        body: body(CreateMessage, {
          to: "+6281234567890",
          type: "text",
          text: "Your order is on its way.",
        }),
      },
      responses: {
        202: json(Message, "Stored, and on its way."),
        ...problems(
          ...ofBodies,
          "session-not-found",
          "pool-not-found",
          "session-ended",
          "no-eligible-session",
          "destination-blocked",
          "idempotency-key-reused",
        ),
      },
    }),
    async (c) => {
      const repetition = await repetitionOf(c);
      const { services, actor } = c.var.ctx;
      const input = c.req.valid("json");
      const isTest = actor.environment === "test";
      const phone = parsePhone(input.to, { pointer: "/to", defaultCountry: actor.policy.defaultCountry, isTest });
      const ofRecipient = await recipientLimits(c.var.ctx, phone.e164);
      await takeLimits(c, [...workspaceSendLimits(actor, services.now().getTime()), ...ofRecipient]);
      const { resource, replayed } = await sendMessage(c.var.ctx, { body: input, phone, repetition });
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/messages/${resource.id}`);
      return c.json(resource, 202);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/messages/{id}",
      operationId: "getMessage",
      summary: "Look at a message",
      description:
        "How far it has come. Its text is not kept where the API can read it. Only keys with `lookup:read` see that a number has no WhatsApp account; for others such a message is `sent` and never `delivered`, as for a phone that is off. Scope: `message:send`.",
      middleware: [authenticate("message:send")] as const,
      request: { params: z.object({ id: MessageId }) },
      responses: { 200: json(Message, "As it is now."), ...problems("message-not-found") },
    }),
    async (c) => {
      const { services, actor } = c.var.ctx;
      const at = services.now().getTime();
      const row = await findMessage(services.db, tenantOf(actor), c.req.valid("param").id, at);
      if (!row) throw new AppError("message-not-found");
      return c.json(toMessage(row, { now: at, scopes: actor.scopes }), 200);
    },
  );
