import { z } from "zod";
import { ShownMessageType } from "../content/content.ts";
import { ChatId } from "../ids.ts";
import { ListPosition } from "./chats.ts";
import { Timestamp } from "./common.ts";
import { Message } from "./messages.ts";

const longest = 100;

/** What somebody searches for: whole words, at most so many. */
export const SearchedWords = z
  .string()
  .min(1)
  .max(longest)
  .refine((text) => /[\p{L}\p{N}]/u.test(text), "must hold a word")
  .meta({
    description:
      "Only messages with all these words, as whole words, without regard to case. Searched are texts, captions, names of files, places and contacts, polls, events and options.",
    example: "order",
  });

/** The filters of a session's messages. */
export const messageFilters = {
  chatId: ChatId.optional().meta({ description: "Only messages of this chat." }),
  q: SearchedWords.optional(),
  direction: z.enum(["outbound", "inbound"]).optional().meta({ description: "Only messages of this direction." }),
  type: ShownMessageType.optional().meta({ description: "Only messages of this type." }),
  createdAfter: Timestamp.optional().meta({ description: "Written or sent later than this, to the second." }),
  createdBefore: Timestamp.optional().meta({ description: "Written or sent earlier than this, to the second." }),
  cursor: ListPosition.optional(),
};
const limit = { description: "At most this many on a page." };

export const ListSessionMessages = z.object({
  ...messageFilters,
  limit: z.coerce.number().int().min(1).max(100).default(20).meta(limit),
});

export const SearchSessionMessages = z
  .strictObject({ ...messageFilters, limit: z.int().min(1).max(100).default(20).meta(limit) })
  .meta({ id: "SearchSessionMessages", description: "The filters of the list." });
export type SearchSessionMessages = z.infer<typeof SearchSessionMessages>;

export const SessionMessageList = z
  .object({
    messages: z.array(Message).max(100),
    nextCursor: ListPosition.nullable().meta({
      description: "The `cursor` of the next page; null if there are no more messages.",
    }),
    isComplete: z.boolean().meta({
      description:
        "False: the page ends because it has looked at 5,000 messages, so it may have fewer items than `limit`, or none. `nextCursor` goes on there.",
    }),
  })
  .meta({ id: "SessionMessageList" });
export type SessionMessageList = z.infer<typeof SessionMessageList>;
