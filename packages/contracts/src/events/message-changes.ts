import { z } from "zod";
import { Person } from "../api/people.ts";
import { MessageId } from "../ids.ts";
import { defineEvent } from "./define-event.ts";
import {
  aboutExample,
  deliveredExample,
  EventMessage,
  exampleFrom,
  receivedExample,
  sentExample,
} from "./message-data.ts";

const data = EventMessage;
const notShown = "Null without `message:read`, and when it is not kept any more.";
/** Who did it. */
export const from = Person.nullable().meta({ description: "Who did it; null: the session's account." });
const words = z.string().max(65_536).nullable();
const at = "2026-11-21T08:16:02.000Z";
const read = { ...deliveredExample, status: "read" as const, readAt: "2026-11-21T08:15:41.000Z" };
const received = { ...receivedExample, content: null, contentState: null };

/** What people do with a message. */
export const messageChangeEvents = [
  defineEvent({
    type: "message.edited",
    data,
    change: z.object({
      from,
      text: words.meta({ description: `The new text, or the new caption of a file. ${notShown}` }),
      formerText: words.meta({ description: `The text or caption before. ${notShown}` }),
    }),
    when: "The author changed the text of a message or the caption of a file.",
    follows: "`GET /v1/messages/{id}` shows the new content.",
    example: {
      ...aboutExample,
      at,
      data: { ...received, editedAt: at },
      change: { from: exampleFrom, text: "Where is my order A-1042?", formerText: "Where is my order?" },
    },
  }),
  defineEvent({
    type: "message.reaction",
    data,
    change: z.object({
      from,
      emoji: z
        .string()
        .max(64)
        .nullable()
        .meta({ description: `The emoji; empty: the reaction was taken back. ${notShown}` }),
    }),
    when: "Somebody reacted to a message, or took the reaction back.",
    follows: "It replaces an earlier reaction of the same person.",
    example: { ...aboutExample, at, data: read, change: { from: exampleFrom, emoji: "👍" } },
  }),
  defineEvent({
    type: "message.reply",
    data,
    change: z.object({
      from,
      replyMessageId: MessageId.meta({ description: "The message with the choice, which is `message.received` too." }),
      choice: z
        .object({ id: z.string().max(256), text: z.string().max(65_536) })
        .nullable()
        .meta({ description: `The chosen option: its \`id\`, and what the person tapped or wrote. ${notShown}` }),
    }),
    when: "Somebody chose one of the options of `buttons` or a `list`.",
    follows: "The choice is also a message of the type `reply` in the chat.",
    example: {
      ...aboutExample,
      at,
      data: { ...read, type: "buttons" },
      change: {
        from: exampleFrom,
        replyMessageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1tb",
        choice: { id: "yes", text: "Yes, please" },
      },
    },
  }),
] as const;

/** What people do with a poll. */
export const pollEvents = [
  defineEvent({
    type: "poll.vote",
    data,
    change: z.object({
      from,
      options: z
        .array(z.string().max(1000))
        .max(12)
        .nullable()
        .meta({ description: `The texts of the chosen options; empty: the vote was taken back. ${notShown}` }),
    }),
    when: "Somebody voted in a poll, or took the vote back.",
    follows: "It replaces an earlier vote of the same person. `GET /v1/messages/{id}/votes` shows all votes.",
    example: {
      ...aboutExample,
      at,
      data: { ...sentExample, type: "poll" },
      change: { from: exampleFrom, options: ["Morning"] },
    },
  }),
] as const;
