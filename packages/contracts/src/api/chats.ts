import { z } from "zod";
import { ChatId } from "../ids.ts";
import { Timestamp } from "./common.ts";

/** A place in a list that is sorted by time. */
export const ListPosition = z
  .string()
  .regex(/^[0-9a-hjkmnp-tv-z]{26}$/, "must be the `nextCursor` of a page")
  .meta({ description: "`nextCursor` of the previous page.", example: "01jd3k9v7hq2w8x5n4b6m0c1ta" });

export const ChatKind = z.enum(["person", "group"]);

/** A chat of a session. */
export const Chat = z
  .object({
    id: ChatId,
    kind: ChatKind,
    address: z.string().max(64).nullable().meta({
      description: "The person's phone number, or the hidden id (LID) if WhatsApp hides the number; of a group its id.",
      example: "+6281234567890",
    }),
    name: z.string().max(256).nullable().meta({
      description: "As the person calls themselves. Null if it is not known, and for groups.",
      example: "Siti",
    }),
    lastMessageAt: Timestamp.meta({ description: "When the latest message was written or sent." }),
  })
  .meta({ id: "Chat" });
export type Chat = z.infer<typeof Chat>;

export const ChatList = z
  .object({
    chats: z.array(Chat).max(100),
    nextCursor: ListPosition.nullable().meta({ description: "The `cursor` of the next page; null on the last page." }),
  })
  .meta({ id: "ChatList" });
export type ChatList = z.infer<typeof ChatList>;
