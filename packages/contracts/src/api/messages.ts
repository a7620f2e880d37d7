import { z } from "zod";
import { contentWith, MessageType } from "../content/content.ts";
import { Failure, MessageStatus } from "../delivery.ts";
import { MessageId, PoolId, SessionId } from "../ids.ts";
import { Timestamp, deliveryTimes, writtenNumber } from "./common.ts";
import { examples } from "./examples.ts";

export const CreateMessage = contentWith({
  sessionId: SessionId.optional().meta({ description: "The session that sends, and no other." }),
  poolId: PoolId.optional().meta({
    description: "The sender pool whose sessions stand in for each other; the default one if neither is given.",
  }),
  to: writtenNumber("The recipient"),
})
  .refine(({ sessionId, poolId }) => sessionId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given beside a session",
  })
  .meta({ id: "CreateMessage" });
export type CreateMessage = z.infer<typeof CreateMessage>;

export const Message = z
  .object({
    id: MessageId,
    sessionId: SessionId.nullable().meta({
      description: "The session that sends, or has sent; null in the sandbox when none was named.",
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
    description: "A message. Its content is not kept where the API can read it.",
    example: examples.message,
  });
export type Message = z.infer<typeof Message>;
