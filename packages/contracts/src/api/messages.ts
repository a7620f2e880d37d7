import { z } from "zod";
import { writtenRecipient } from "../addresses.ts";
import { contentWith, ShownMessageType } from "../content/content.ts";
import { mediaFields } from "../content/media-fields.ts";
import { text } from "../content/text.ts";
import { audience, storyErrors } from "../content/story.ts";
import { Failure, MessageStatus } from "../delivery.ts";
import { ErrorName } from "../problem.ts";
import { BatchId, ChatId, MessageId, PoolId, SessionId } from "../ids.ts";
import { MessageLane } from "../internal/jobs.ts";
import { Timestamp, deliveryTimes } from "./common.ts";
import { examples } from "./examples.ts";
import { OptionVotes } from "./message-actions.ts";
import { Person } from "./people.ts";

const mostBytes = 2048;

const isGiven = (value: unknown) => value !== undefined;

/** The customer's own data of a message. */
const Metadata = z
  .record(z.string().min(1).max(40), z.unknown())
  .refine((entries) => Object.keys(entries).length <= 16, "must not have more than 16 entries")
  .refine(
    (entries) => new TextEncoder().encode(JSON.stringify(entries)).length <= mostBytes,
    `must be at most ${mostBytes} bytes of JSON`,
  );
export const metadata = Metadata.meta({
  description: "Your own data, returned with the message: at most 16 entries and 2 KB of JSON. No secrets.",
  example: { orderId: "A-1042" },
});

/** The customer's data as it is shown. */
const shownMetadata = z.record(z.string(), z.unknown()).meta({ description: "Your own data." });

export const sendAt = Timestamp.meta({
  description: "When the message is to be sent, at most 90 days ahead. It is queued within a minute after this time.",
});

/** How long a message may wait before it fails. */
export const messageLifetime = { usualSeconds: 86_400, leastSeconds: 60, mostSeconds: 604_800 } as const;

export const expiresIn = z
  .int()
  .min(messageLifetime.leastSeconds)
  .max(messageLifetime.mostSeconds)
  .default(messageLifetime.usualSeconds);

export const CreateMessage = contentWith({
  sessionId: SessionId.optional().meta({ description: "The only session that may send the message." }),
  poolId: PoolId.optional().meta({
    description: "The sender pool; one of its sessions sends. Default: the default pool, if no session is given.",
  }),
  to: writtenRecipient,
  audience: audience.optional(),
  lane: MessageLane.default("normal"),
  sendAt: sendAt.optional(),
  expiresIn: expiresIn.meta({
    description: "Seconds, from `sendAt` or from now, after which the message fails with `expired` if it was not sent.",
  }),
  metadata: metadata.optional(),
  dryRun: z.boolean().optional().meta({
    description: "Answers 200 with what would happen. Stores nothing and uses up no limit of sends.",
  }),
})
  .refine(({ sessionId, poolId }) => sessionId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given together with a session",
  })
  .refine(({ quotedMessageId, poolId }) => quotedMessageId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given together with a quoted message, whose session sends the reply",
  })
  .check(({ value, issues }) => {
    for (const [field, message] of storyErrors(value)) {
      issues.push({ code: "custom", input: value, path: [field], message });
    }
  })
  .meta({ id: "CreateMessage" });
export type CreateMessage = z.infer<typeof CreateMessage>;

export const ChangeMessage = z
  .strictObject({
    text: text.content.shape.text.optional().meta({ description: "The new text of a message that was sent." }),
    caption: mediaFields.caption.meta({ description: "The new caption of a file that was sent." }),
    sendAt: sendAt.optional(),
    metadata: metadata.optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "must change something")
  .refine(({ text: words, caption, sendAt: time }) => [words, caption, time].filter(isGiven).length <= 1, {
    error: "may have only one of text, caption and sendAt",
  })
  .meta({ id: "ChangeMessage" });
export type ChangeMessage = z.infer<typeof ChangeMessage>;

/** What the session's connector keeps of a message. */
const kept = {
  content: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({
      description:
        "With the fields of its type, as they are sent; `media` is a `MessageMedia`. It lies encrypted at the session's connector, which is asked for each answer. Null without `message:read`; `contentState` says why else.",
      example: { type: "text", text: "Your order is on its way." },
    }),
  contentState: z.enum(["kept", "dropped", "expired", "unavailable"]).nullable().meta({
    description:
      "`kept`: here it is. `dropped`: by the policy, or it was deleted. `expired`: its time is over. `unavailable`: the connector is away, or has none yet. Null: not asked, because the key lacks `message:read` or this answers a write.",
  }),
  quotedMessageId: MessageId.nullable().meta({
    description: "The message that a received one replies to, or whose option it chooses.",
  }),
  reactions: z
    .array(z.object({ from: Person.nullable(), emoji: z.string().max(64), at: Timestamp }))
    .max(2000)
    .meta({ description: "One per person; `from` is null for the session's account." }),
  votes: OptionVotes.meta({
    description: "Of a poll: its options, each with who voted for it. Null is the session's account.",
  }),
  isPinned: z.boolean().meta({
    description: "Phones show it above the chat. The session's connector knows that, as it knows the reactions.",
  }),
  isStarred: z.boolean().meta({
    description: "The account starred it, for itself alone. The session's connector knows that.",
  }),
};

export const Message = z
  .object({
    id: MessageId,
    direction: z.enum(["outbound", "inbound"]),
    origin: z.enum(["api", "phone", "device"]).nullable().meta({
      description:
        "Where an outbound message was written: through the API, on the account's phone or on another linked device. Null for inbound ones.",
    }),
    chatId: ChatId.nullable().meta({
      description:
        "The chat. Null for a message of the API until it is sent, and if its connector does not report it. Keys without `lookup:read` see that of a number when the message is delivered.",
    }),
    from: Person.nullable().meta({ description: "Who wrote it; null: the session's account." }),
    sessionId: SessionId.nullable().meta({
      description: "The session that sends or sent it; null in the sandbox if the request named none.",
    }),
    to: z.string().max(64).nullable().meta({
      description:
        "The recipient: a number or a hidden id masked, a chat or a group by its id; of an inbound message the session's own number. Null when it is not known.",
    }),
    type: ShownMessageType,
    ...kept,
    lane: MessageLane,
    status: MessageStatus,
    ...deliveryTimes,
    playedAt: Timestamp.nullable().meta({ description: "The recipient played the voice or video note." }),
    failure: Failure.nullable(),
    isForwarded: z.boolean().meta({ description: "Somebody else wrote it before." }),
    isViewOnce: z.boolean().meta({ description: "Phones show it once; only they have its content." }),
    isOffline: z.boolean().meta({ description: "It waited at WhatsApp while the session was offline." }),
    editedAt: Timestamp.nullable().meta({ description: "When its author last changed it." }),
    revokedAt: Timestamp.nullable().meta({ description: "When it was deleted for everyone." }),
    deletedAt: Timestamp.nullable().meta({
      description:
        "When the account deleted it for itself alone: its content is gone, and lists leave it out. Others keep it.",
    }),
    metadata: shownMetadata,
    batchId: BatchId.nullable().meta({ description: "The batch that it belongs to." }),
    sendAt: Timestamp.nullable().meta({ description: "When it is to be sent; null: at once." }),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable().meta({
      description: "A message not sent by then fails with `expired`. Null for messages that were not sent by the API.",
    }),
  })
  .meta({
    id: "Message",
    description: "A message that was sent or received.",
    example: examples.message,
  });
export type Message = z.infer<typeof Message>;

/** What `dryRun` answers. */
export const MessageDryRun = z
  .object({
    wouldSend: z.boolean().meta({ description: "Whether the request would be accepted now." }),
    sessionId: SessionId.nullable().meta({
      description: "The session that would send it; null if none would, and in the sandbox.",
    }),
    limits: z
      .array(
        z.object({
          name: z.string().max(64),
          quota: z.int().min(0),
          remaining: z.int().min(0),
          resetAt: Timestamp.nullable().meta({ description: "When the window ends; null: nothing is counted yet." }),
        }),
      )
      .max(10)
      .meta({ description: "The limits of the recipient. The header `RateLimit` shows the others." }),
    refusal: z
      .object({
        code: ErrorName,
        detail: z.string().max(1024),
        retryAfter: z.int().min(0).nullable().meta({ description: "Seconds." }),
      })
      .nullable()
      .meta({ description: "Why the request would be refused." }),
  })
  .meta({ id: "MessageDryRun", description: "What would become of a message.", example: examples.messageDryRun });
export type MessageDryRun = z.infer<typeof MessageDryRun>;
