import { z } from "zod";
import { Timestamp } from "../../api/common.ts";
import { MessageReceipt } from "../../api/message-receipts.ts";
import { Person } from "../../api/people.ts";
import { ChatId, MessageId, SessionId } from "../../ids.ts";
import { defineRpc } from "./rpc.ts";

/** What the connector keeps of a message. */
export const StoredMessage = z.object({
  id: MessageId,
  from: Person.nullable(),
  /** With the fields of its type; null: it is not kept. */
  content: z.record(z.string(), z.unknown()).nullable(),
  quotedMessageId: MessageId.nullable(),
  reactions: z.array(z.object({ from: Person.nullable(), emoji: z.string(), at: Timestamp })),
  votes: z.array(z.object({ from: Person.nullable(), options: z.array(z.string()), at: Timestamp })),
  /** Older connectors do not say it. */
  isStarred: z.boolean().default(false),
  /** Older connectors do not say it. */
  isPinned: z.boolean().default(false),
});
export type StoredMessage = z.infer<typeof StoredMessage>;

/** Reads messages of a session from its connector's store. Messages that it does not have are left out. */
export const ReadMessagesRpc = defineRpc({
  path: "/rpc/messages/read",
  request: z.strictObject({ sessionId: SessionId, messageIds: z.array(MessageId).min(1).max(100) }),
  response: z.object({ messages: z.array(StoredMessage) }),
  errors: [],
  isHarmless: true,
});

/** Who has received, read and played a message that was sent through the API. */
export const MessageReceiptsRpc = defineRpc({
  path: "/rpc/messages/receipts",
  request: z.strictObject({ sessionId: SessionId, messageId: MessageId, chatId: ChatId.nullable() }),
  response: z.object({
    /** Per person, of a message to a group; null: of any other message the edge has the times. */
    receipts: z.array(MessageReceipt).nullable(),
    /** The other person of a chat of two. */
    person: Person.nullable(),
  }),
  errors: [],
  isHarmless: true,
});
