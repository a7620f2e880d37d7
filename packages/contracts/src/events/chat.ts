import { z } from "zod";
import { Chat } from "../api/chats.ts";
import { ChatId } from "../ids.ts";
import { defineEvent } from "./define-event.ts";

/** A chat as events show it. */
export const EventChat = Chat.pick({ id: true, kind: true }).meta({
  id: "EventChat",
  description: "A chat as of an event. `GET /v1/sessions/{id}/chats` shows its address and name.",
});
export type EventChat = z.infer<typeof EventChat>;

const id = "cht_01jd3k9v7hq2w8x5n4b6m0c1ta";

/** What happens to a chat. */
export const chatEvents = [
  defineEvent({
    type: "chat.merged",
    data: EventChat,
    change: z.object({
      mergedIds: z.array(ChatId).max(20).meta({ description: "The other ids of the chat. They still lead to it." }),
    }),
    when: "A number and a hidden id (LID) proved to be one person, so their chats are one.",
    follows: "Messages of both have the older id, which is `chatId`.",
    example: {
      at: "2026-11-21T08:16:02.000Z",
      chatId: id,
      data: { id, kind: "person" },
      change: { mergedIds: ["cht_01jd3k9v7hq2w8x5n4b6m0c1tb"] },
    },
  }),
] as const;
