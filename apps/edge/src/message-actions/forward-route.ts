import { ForwardMessage, Message, MessageId } from "@sandi/contracts";
import { z } from "zod";
import { accepted } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { readRecipient } from "../messages/recipient.ts";
import { limitsOf, refusalsOfSends } from "../messages/send-routes.ts";
import { forwardMessage } from "./forward-message.ts";

export const forwardMessageOperation = operation({
  id: "forwardMessage",
  method: "post",
  path: "/v1/messages/{id}/forward",
  scope: "message:send",
  idempotent: "create",
  summary: "Forward a message",
  description:
    "Sends a message that was sent or received once more, to somebody else. The key needs the scope `message:read` as well, because the recipient gets the content. The new message has the first one's type, is marked as forwarded, and loses what it quotes and whom it mentions; a file is not uploaded again. It is a message like any other, with the same rules and limits. Only the message's own session can send it, because its connector has the content. If the connector does not keep it any more, the new message fails with `content_not_kept`.",
  params: z.object({ id: MessageId }),
  body: { schema: ForwardMessage, example: { to: "+6281234567891" } },
  answers: accepted(Message, "Stored and queued, or scheduled."),
  throws: [...refusalsOfSends, "message-not-found", "message-not-forwardable"],
  inputLimits: (ctx, { body }) => limitsOf(ctx, body),
  handle: (ctx, { params: { id }, body, idempotencyKey }) =>
    forwardMessage(ctx, { id, body, recipient: readRecipient(ctx.actor, body.to, "/to"), idempotencyKey }),
});
