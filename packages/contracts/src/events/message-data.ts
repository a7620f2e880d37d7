import { z } from "zod";
import { examples } from "../api/examples.ts";
import { Message } from "../api/messages.ts";
import { ShownMessageType } from "../content/content.ts";
import { MessageLane } from "../internal/jobs.ts";

/** A message as events show it. */
export const EventMessage = Message.omit({ reactions: true, votes: true, isPinned: true, isStarred: true })
  .extend({
    type: z.enum([...ShownMessageType.options, "code"]).meta({
      description: "`code`: it has the code of a verification, and no event shows its content.",
    }),
    lane: z.enum([...MessageLane.options, "otp"]).meta({ description: "`otp`: the lane of codes." }),
    content: Message.shape.content.meta({
      description:
        "With the fields of its type, as `GET /v1/messages/{id}` shows them. Events have it of messages that people write: `message.received`. Null without `message:read`; `contentState` says why else.",
    }),
    contentState: Message.shape.contentState.meta({
      description:
        "`kept`: here it is. `dropped`: by the policy, or it was deleted. `expired`: its time is over. `unavailable`: the connector did not report it. Null: this event shows no content, or the reader lacks `message:read`.",
    }),
  })
  .meta({
    id: "EventMessage",
    description:
      "A message as of an event. `GET /v1/messages/{id}` shows its reactions, votes, pin and star, which only its connector knows.",
  });
export type EventMessage = z.infer<typeof EventMessage>;

const { reactions: _r, votes: _v, isPinned: _p, isStarred: _s, ...message } = examples.message;
const tail = message.id.slice(4);
const chatId = `cht_${tail}`;
const from = { id: `per_${tail}`, phone: "+6281234567890", lid: null, username: null, name: "Siti" };

/** A message of the API before it was sent. */
export const queuedExample = {
  ...message,
  content: null,
  contentState: null,
  status: "queued" as const,
  sentAt: null as string | null,
  deliveredAt: null as string | null,
};
export const sentExample = { ...queuedExample, chatId, status: "sent" as const, sentAt: message.sentAt };
export const deliveredExample = { ...sentExample, status: "delivered" as const, deliveredAt: message.deliveredAt };
export const receivedExample = {
  ...sentExample,
  direction: "inbound" as const,
  origin: null,
  from,
  to: "+62812•••0001",
  lane: "bulk" as const,
  status: "received" as const,
  content: { type: "text", text: "Where is my order?" },
  contentState: "kept" as const,
  metadata: {},
  expiresAt: null,
};

/** The author and the ids of the examples. */
export const exampleFrom = from;
export const aboutExample = { chatId, messageId: message.id };
