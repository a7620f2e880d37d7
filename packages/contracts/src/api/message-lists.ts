import { z } from "zod";
import { ShownMessageType } from "../content/content.ts";
import { MessageStatus } from "../delivery.ts";
import { ChatId, MessageId, SessionId } from "../ids.ts";
import { Timestamp, writtenNumber } from "./common.ts";
import { Message } from "./messages.ts";

const nextPage =
  "The `cursor` of the next page; null on the last page. A page looks at 5,000 messages at most: with a filter that few match, it may have fewer items than `limit`, or none, and still a next page.";

export const MessageList = z
  .object({
    messages: z.array(Message).max(100),
    nextCursor: z.string().max(64).nullable().meta({ description: nextPage }),
  })
  .meta({ id: "MessageList" });
export type MessageList = z.infer<typeof MessageList>;

const filters = {
  status: MessageStatus.optional().meta({ description: "Only messages with this status." }),
  direction: z.enum(["outbound", "inbound"]).optional().meta({ description: "Only messages of this direction." }),
  type: ShownMessageType.optional().meta({ description: "Only messages of this type." }),
  sessionId: SessionId.optional(),
  chatId: ChatId.optional().meta({
    description: "Only messages of this chat: received ones, those of the API, and what the owner wrote there.",
  }),
  createdAfter: Timestamp.optional().meta({ description: "Created later than this." }),
  createdBefore: Timestamp.optional().meta({ description: "Created earlier than this." }),
  cursor: MessageId.optional().meta({ description: "`nextCursor` of the previous page." }),
};
const limit = { description: "At most this many on a page." };

export const ListMessages = z.object({
  ...filters,
  limit: z.coerce.number().int().min(1).max(100).default(20).meta(limit),
});

export const SearchMessages = z
  .strictObject({
    ...filters,
    to: writtenNumber("The recipient").optional().meta({ description: "Only messages to this number." }),
    limit: z.int().min(1).max(100).default(20).meta(limit),
  })
  .meta({ id: "SearchMessages", description: "The filters of the list, and a number." });
export type SearchMessages = z.infer<typeof SearchMessages>;
