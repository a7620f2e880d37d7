import { z } from "zod";
import { AccountNumber, Timestamp } from "../../api/common.ts";
import { ChatId, MediaId, SessionId } from "../../ids.ts";
import { defineRpc } from "./rpc.ts";

const Lid = z
  .string()
  .max(40)
  .regex(/^\d{1,20}@lid$/);
const names = {
  phones: z.array(AccountNumber).max(20),
  lids: z.array(Lid).max(20),
  /** Of the chat with the person, all that it has had. */
  chatIds: z.array(ChatId).max(100),
};
const count = z.int().nonnegative();

/**
 * Deletes what the connector stores of a person in one session, at most so much that it answers in time. It answers all
 * names that it knows of the person. Without `isDone` the call is to be made again. `session-not-found`: nothing is stored.
 */
export const ErasePersonRpc = defineRpc({
  path: "/rpc/people/erase",
  request: z.strictObject({ sessionId: SessionId, requestedAt: Timestamp, ...names }),
  response: z.object({
    ...names,
    isDone: z.boolean(),
    /** Everything before this time is deleted, and does not come back. */
    erasedAt: Timestamp,
    /** Files of the deleted messages, at the edge. */
    mediaIds: z.array(MediaId),
    chats: count,
    messages: count,
    /** Reactions and votes. */
    marks: count,
    /** Records of messages that were sent to the person. They stay without the person and the message. */
    sends: count,
    /** Answers of WhatsApp about the person's number. */
    numbers: count,
  }),
  errors: ["session-not-found"],
});
