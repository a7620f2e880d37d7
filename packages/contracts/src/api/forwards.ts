import { z } from "zod";
import { readAddress, writtenRecipient } from "../addresses.ts";
import { SessionId } from "../ids.ts";
import { MessageLane } from "../internal/jobs.ts";
import { expiresIn, metadata, sendAt } from "./messages.ts";

export const ForwardMessage = z
  .strictObject({
    to: writtenRecipient.refine(
      (to) => readAddress(to)?.kind !== "status",
      "must not be `status`: a message is not forwarded to the story",
    ),
    sessionId: SessionId.optional().meta({
      description: "The session that has the message: no other one can forward it. Default: that one.",
    }),
    lane: MessageLane.default("normal"),
    sendAt: sendAt.optional(),
    expiresIn: expiresIn.meta({
      description: "Seconds, from `sendAt` or from now, after which the new message fails with `expired`.",
    }),
    metadata: metadata.optional(),
  })
  .meta({ id: "ForwardMessage" });
export type ForwardMessage = z.infer<typeof ForwardMessage>;
