import { Message, MessageId } from "@sandi/contracts";
import { z } from "zod";
import { accepted, ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { workspaceSendLimits } from "../rate-limits/named.ts";
import { cancelMessage } from "./cancel-message.ts";
import { retryMessage } from "./retry-message.ts";
import { refusalsOfSends } from "./send-routes.ts";

const byId = z.object({ id: MessageId });

export const lifeOperations: readonly Operation[] = [
  operation({
    id: "cancelMessage",
    method: "post",
    path: "/v1/messages/{id}/cancel",
    scope: "message:send",
    idempotent: "change",
    summary: "Cancel a message",
    description:
      "Ends a `scheduled` or `queued` message and deletes its content. A message that a connector has claimed goes on. Cancelling again changes nothing.",
    params: byId,
    answers: ok(Message, "The canceled message."),
    throws: ["message-not-waiting"],
    handle: (ctx, { params }) => cancelMessage(ctx, params.id),
  }),
  operation({
    id: "retryMessage",
    method: "post",
    path: "/v1/messages/{id}/retry",
    scope: "message:send",
    idempotent: "change",
    summary: "Retry a message",
    description:
      "Queues a failed message again, with a new lifetime and under the rules of a new message. Only for reasons that may pass, only before anything can have been sent, and within 72 hours: then its content is deleted.",
    params: byId,
    answers: accepted(Message, "Queued again."),
    throws: ["message-not-retryable", ...refusalsOfSends],
    inputLimits: ({ actor, services }) => workspaceSendLimits(actor, services.now().getTime()),
    handle: (ctx, { params }) => retryMessage(ctx, params.id),
  }),
];
