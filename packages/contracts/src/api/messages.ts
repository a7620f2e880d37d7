import { z } from "zod";
import { contentWith, MessageType } from "../content/content.ts";
import { Failure, MessageStatus } from "../delivery.ts";
import { MessageId, PoolId, SessionId } from "../ids.ts";
import { Timestamp, deliveryTimes, writtenNumber } from "./common.ts";
import { examples } from "./examples.ts";

export const CreateMessage = contentWith({
  sessionId: SessionId.optional().meta({ description: "The only session that may send the message." }),
  poolId: PoolId.optional().meta({
    description: "The sender pool; one of its sessions sends. Default: the default pool, if no session is given.",
  }),
  to: writtenNumber("The recipient"),
})
  .refine(({ sessionId, poolId }) => sessionId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given together with a session",
  })
  .refine(({ quotedMessageId, poolId }) => quotedMessageId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given together with a quoted message, whose session sends the reply",
  })
  .meta({ id: "CreateMessage" });
export type CreateMessage = z.infer<typeof CreateMessage>;

export const Message = z
  .object({
    id: MessageId,
    sessionId: SessionId.nullable().meta({
      description: "The session that sends or sent it; null in the sandbox if the request named none.",
    }),
    to: z.string().max(32).meta({ description: "The recipient, masked." }),
    type: MessageType,
    status: MessageStatus,
    ...deliveryTimes,
    failure: Failure.nullable(),
    createdAt: Timestamp,
    expiresAt: Timestamp.meta({ description: "A message not sent by then fails with `expired`." }),
  })
  .meta({
    id: "Message",
    description: "A message. Its content is sealed: the API cannot read it.",
    example: examples.message,
  });
export type Message = z.infer<typeof Message>;
