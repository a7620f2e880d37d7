import { z } from "zod";
import { Person } from "../api/people.ts";
import { Reply } from "../content/reply.ts";
import { StoredMessage } from "./rpc/messages.ts";

/**
 * What people wrote, of one event; of a code nothing. The connector sends it with the event, and the edge seals it with the
 * workspace's key.
 */
export const EventContent = z.object({
  /** Of `message.received`: the message as it was received. */
  message: StoredMessage.pick({ from: true, content: true, quotedMessageId: true }).optional(),
  /** Of an event that changes a message. */
  change: z
    .object({
      /** Who did it; null: the account itself. */
      from: Person.nullable(),
      /** Of `message.reaction`; null: it was taken back. */
      emoji: z.string().nullable().optional(),
      /** Of `poll.vote`; none: the vote was taken back. */
      options: z.array(z.string()).optional(),
      /** Of `message.edited`: the new text or caption, and the one before; null: it has none, or it is not kept. */
      text: z.string().nullable().optional(),
      formerText: z.string().nullable().optional(),
      /** Of `message.reply`. */
      choice: Reply.pick({ id: true, text: true }).optional(),
    })
    .optional(),
});
export type EventContent = z.infer<typeof EventContent>;

/** The longest content of an event, as JSON in bytes. A longer one stays at the connector. */
export const maxEventContentBytes = 600_000;
