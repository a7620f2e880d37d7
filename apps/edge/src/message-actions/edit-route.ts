import { ChangeMessage, EditMessageRpc, Message, MessageId } from "@sandi/contracts";
import { z } from "zod";
import { ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { changeMessage } from "../messages/change-message.ts";
import { messageActionLimits, workspaceSendLimits } from "../rate-limits/named.ts";
import { refusalsOfActions } from "./act.ts";
import { editMessage } from "./edit-message.ts";

export const changeMessageOperation = operation({
  id: "changeMessage",
  method: "patch",
  path: "/v1/messages/{id}",
  scope: "message:send",
  idempotent: "change",
  summary: "Change a message",
  description:
    "`text` and `caption` edit an own message on all phones, at most 15 minutes after it was sent; test keys cannot do that. `sendAt` moves a scheduled message to another time, and its `expiresAt` with it. A move counts as a send of the workspace. `metadata` replaces the metadata of any message. Repeat an answer with `outcome-unknown` under the same `Idempotency-Key`.",
  params: z.object({ id: MessageId }),
  // A text of 65,536 characters, in JSON.
  body: { schema: ChangeMessage, example: { metadata: { orderId: "A-1043" } }, limit: 512 * 1024 },
  answers: ok(Message, "The message."),
  throws: [
    "message-not-waiting",
    "payload-too-large",
    "test-keys-not-supported",
    ...refusalsOfActions,
    ...EditMessageRpc.errors,
  ],
  inputLimits({ actor, services }, { body: { text, caption, sendAt } }) {
    if (text !== undefined || caption !== undefined) return messageActionLimits(actor);
    // Each move is a row of the timeline.
    return sendAt === undefined ? [] : workspaceSendLimits(actor, services.now().getTime());
  },
  handle(ctx, { params: { id }, body: { text, caption, ...row } }, c) {
    if (text !== undefined) return editMessage(ctx, c, { id, part: "text", words: text, metadata: row.metadata });
    if (caption !== undefined) {
      return editMessage(ctx, c, { id, part: "caption", words: caption, metadata: row.metadata });
    }
    return changeMessage(ctx, { id, body: row });
  },
});
