import { z } from "zod";
import { AppError, CreateMessage, Message, MessageId } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { accepted, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { recipientLimits, workspaceSendLimits } from "../rate-limits/named.ts";
import { tenantOf } from "../auth/tenant.ts";
import { readPhone } from "../phone.ts";
import { toMessage } from "./present.ts";
import { findMessage } from "./repository.ts";
import { sendMessage } from "./send-message.ts";
import { codeJobs, revokeJobs, textJobs } from "./jobs.ts";
import { sweepMessages } from "./sweeps.ts";

export const messages: Feature = {
  tag: { name: "Messages", description: "Texts and other messages." },
  notFound: "message-not-found",
  operations: [
    operation({
      id: "sendMessage",
      method: "post",
      path: "/v1/messages",
      scope: "message:send",
      idempotent: "create",
      summary: "Send a message",
      description:
        "Accepts a message for a WhatsApp number. It ends as `sent` or, after 24 hours at the latest, as `failed` with a reason. Block rules for the number, a prefix or its country also apply to messages, unless an allow rule matches. The policy's `countries` apply to codes only. The policy's `messagesPerRecipientPerHour` and `…PerDay` limit the messages to one number.",
      body: {
        schema: CreateMessage,
        example: {
          to: "+6281234567890",
          type: "text",
          text: "Your order is on its way.",
        },
        limit: 512 * 1024,
      },
      answers: accepted(Message, "Stored and queued."),
      throws: [
        "session-not-found",
        "pool-not-found",
        "message-not-found",
        "session-ended",
        "no-eligible-session",
        "destination-blocked",
      ],
      inputLimits: async (ctx, { body }) => [
        ...workspaceSendLimits(ctx.actor, ctx.services.now().getTime()),
        ...(await recipientLimits(ctx, readPhone(ctx.actor, body.to, "/to").e164)),
      ],
      handle: (ctx, { body, idempotencyKey }) =>
        sendMessage(ctx, { body, phone: readPhone(ctx.actor, body.to, "/to"), idempotencyKey }),
    }),
    operation({
      id: "getMessage",
      method: "get",
      path: "/v1/messages/{id}",
      scope: "message:send",
      summary: "Get a message",
      description:
        "Its status. Its content is sealed, so the API cannot read it. Only keys with `lookup:read` see that a number has no WhatsApp account. For other keys such a message is `sent` and never `delivered`, as for a phone that is off.",
      params: z.object({ id: MessageId }),
      answers: ok(Message, "The message."),
      handle: async ({ services, actor }, { params }) => {
        const at = services.now().getTime();
        const row = await findMessage(services.db, tenantOf(actor), params.id, at);
        if (!row) throw new AppError("message-not-found");
        return toMessage(row, { now: at, scopes: actor.scopes });
      },
    }),
  ],
  jobs: [codeJobs, revokeJobs, textJobs],
  sweeps: sweepMessages,
};
