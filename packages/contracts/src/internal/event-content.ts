import { z } from "zod";
import { Person } from "../api/people.ts";
import { MessageId } from "../ids.ts";

/**
 * What somebody wrote or did, as the connector reports it with an event. The edge keeps it in `event_content`, as JSON that
 * is sealed with the workspace's key.
 */
export const EventContent = z.object({
  /** Of `message.received`: the message. */
  message: z
    .object({
      /** Null: the account itself wrote it. */
      from: Person.nullable(),
      /** With the fields of its type; null: it is not kept, or cannot be read. */
      content: z.record(z.string(), z.unknown()).nullable(),
      quotedMessageId: MessageId.nullable(),
    })
    .optional(),
  /** Of `message.edited`, `message.reaction`, `message.reply` and `poll.vote`: what somebody did. */
  change: z
    .object({
      /** Null: the account itself did it. */
      from: Person.nullable(),
      /** Of a reaction; empty: it was taken back. */
      emoji: z.string().max(64).optional(),
      /** Of a vote: the texts of the chosen options; none: it was taken back. */
      options: z.array(z.string().max(1000)).max(12).optional(),
      /** Of an edit: the new text or caption; null: it has none. */
      text: z.string().max(65_536).nullable().optional(),
      /** Of an edit: the text or caption before; null: it had none, or it is not kept. */
      formerText: z.string().max(65_536).nullable().optional(),
      /** Of a reply: the chosen option. */
      choice: z.object({ id: z.string().max(256), text: z.string().max(65_536) }).optional(),
    })
    .optional(),
});
export type EventContent = z.infer<typeof EventContent>;
