import { CreateMessage, Message, MessageDryRun } from "@sandi/contracts";
import { z } from "zod";
import type { Context } from "../context.ts";
import { accepted, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { recipientLimits, workspaceSendLimits } from "../rate-limits/named.ts";
import { mostWaiting } from "../rate-limits/waits.ts";
import { dryRunMessage } from "./dry-run.ts";
import { readRecipient } from "./recipient.ts";
import { sendMessage } from "./send-message.ts";
import { longestWaitSeconds, waitForAck, waitOf } from "./wait-for-ack.ts";

/** What refuses a message. */
export const refusalsOfSends = [
  "session-not-found",
  "pool-not-found",
  "session-ended",
  "no-eligible-session",
  "destination-blocked",
] as const;

export const sendMessageOperation = operation({
  id: "sendMessage",
  method: "post",
  path: "/v1/messages",
  scope: "message:send",
  idempotent: "create",
  summary: "Send a message",
  description:
    "Accepts a message for a WhatsApp number, a chat or a group. It ends as `sent` or, after `expiresIn` at the latest, as `failed` with a reason. With `sendAt` it is `scheduled` until then. Block rules for the number, a prefix or its country also apply to messages, unless an allow rule matches. The policy's `countries` apply to codes only. The policy's `messagesPerRecipientPerHour` and `…PerDay` limit the messages to one number or group; a scheduled message counts when it is queued. The file of a message (`media`) is an upload, or is fetched or decoded before the message is accepted; a refused request stores no file. With `dryRun` nothing is sent or stored.",
  headers: z.object({
    // Only a description: `waitOf` reads the value, and ignores what it does not know, as RFC 7240 asks.
    prefer: z
      .string()
      .optional()
      .meta({
        description: `\`wait=10\`: the answer waits so many seconds, at most ${longestWaitSeconds}, until WhatsApp has acknowledged the message. Then, or when the time is over, it has the newest status. A key has at most ${mostWaiting} such requests at a time; others are answered at once, without \`Preference-Applied\`.`,
      }),
  }),
  body: {
    schema: CreateMessage,
    example: {
      to: "+6281234567890",
      type: "text",
      text: "Your order is on its way.",
      metadata: { orderId: "A-1042" },
    },
    // A file in base64.
    limit: 8 * 1024 * 1024,
  },
  answers: accepted(Message, "Stored and queued, or scheduled."),
  orAnswers: ok(MessageDryRun, "With `dryRun`: what would happen."),
  throws: [
    ...refusalsOfSends,
    "message-not-found",
    "media-not-found",
    "media-not-fetched",
    "media-unavailable",
    "payload-too-large",
  ],
  inputLimits: (ctx, { body }) => limitsOf(ctx, body),
  handle: async (ctx, { body, idempotencyKey }, c) => {
    const recipient = readRecipient(ctx.actor, body.to, "/to");
    if (body.dryRun) return c.json(await dryRunMessage(ctx, { body, recipient }), 200);
    const { resource, replayed } = await sendMessage(ctx, { body, recipient, idempotencyKey });
    const seconds = replayed ? 0 : waitOf(c.req.header("prefer"));
    const newest = await waitForAck(ctx, resource, seconds);
    if (newest) c.header("Preference-Applied", `wait=${seconds}`);
    return { resource: newest ?? resource, replayed };
  },
});

/** A dry run uses up nothing: the headers show what is left. A scheduled message counts for its recipient when it is queued. */
export async function limitsOf(
  ctx: Context,
  { to, dryRun, sendAt }: Pick<CreateMessage, "to" | "dryRun" | "sendAt">,
): Promise<Limit[]> {
  const { phone } = readRecipient(ctx.actor, to, "/to");
  return [
    ...workspaceSendLimits(ctx.actor, ctx.services.now().getTime(), dryRun ? 0 : 1),
    // The transaction counts for an address: it knows its number.
    ...(phone ? await recipientLimits(ctx, phone.e164, dryRun || sendAt !== undefined ? 0 : 1) : []),
  ];
}
