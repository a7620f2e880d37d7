import { z } from "zod";
import { AccountNumber, Timestamp } from "../api/common.ts";
import { MediaEnd } from "../api/message-media.ts";
import { SenderLimits, SessionReason, SessionState } from "../api/sessions.ts";
import { FailureReason } from "../delivery.ts";
import { ChatId, EventId, MediaId, MessageId, PersonId, SessionId } from "../ids.ts";
import { InboundToken } from "../inbound.ts";
import { EventContent } from "./event-content.ts";
import { Traceparent } from "./trace.ts";

const envelope = {
  id: EventId,
  /** Rises with every event of a session, across restarts and changes of owner. */
  seq: z.int().positive(),
  sessionId: SessionId,
  at: Timestamp,
};

const aboutMessage = {
  ...envelope,
  messageId: MessageId,
  /** The trace of the send. */
  traceparent: Traceparent.optional(),
};

/**
 * What people wrote, beside the event that reports it. Absent: nobody may keep it, it is too long, or the connector was
 * released before December 2026. The event counts without a content of a shape that is unknown here.
 */
const content = EventContent.optional().catch(undefined);

/** What the edge knows of a message of a chat, apart from its content. */
const ChatMessage = z.strictObject({
  messageId: MessageId,
  chatId: ChatId,
  chatKind: z.enum(["person", "group"]),
  /** Who wrote it; null: the account itself. */
  personId: PersonId.nullable(),
  /** Where the account's owner wrote it; null: somebody else wrote it. */
  origin: z.enum(["phone", "device"]).nullable(),
  /** The other person of the chat, in a message of the account itself; null when the number is unknown. */
  to: AccountNumber.nullable(),
  /** A type of a newer connector is unknown here. */
  type: z.string().min(1).max(32),
  isViewOnce: z.boolean(),
  /** It waited at WhatsApp while the session was offline. */
  isOffline: z.boolean(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

/** Somebody did something with a message; null: the account itself, on its phone. */
const byPerson = { ...aboutMessage, personId: PersonId.nullable(), content };

/** A fact that a connector reports. Events come at least once, in order per session; applying one twice changes nothing. */
export const ConnectorEvent = z.discriminatedUnion("type", [
  /** WhatsApp's server acknowledged the message. */
  /** `chatId` is absent for codes, and from connectors released before December 2026. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.sent"), chatId: ChatId.optional() }),
  /** The recipient's phone has it. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.delivered") }),
  /** The recipient opened it. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.read") }),
  /** The recipient played the voice or video note. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.played") }),
  /** It was not sent and will not be sent. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.failed"), reason: FailureReason }),
  /** A message was deleted for everyone, by its author or an admin of the group. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.revoked") }),
  /**
   * The account deleted a message for itself alone. Connectors released before December 2026 do not report it.
   */
  z.strictObject({ ...aboutMessage, type: z.literal("message.deleted") }),
  /**
   * Somebody wrote in a chat of the session. `from` is null if only the hidden id (LID) of the sender is known, and for
   * messages of the account itself. `token` is the token of an inbound verification: such a message has no `message`,
   * because it belongs to its verification. Connectors released before December 2026 report no `message`.
   */
  z.strictObject({
    ...envelope,
    type: z.literal("message.received"),
    from: AccountNumber.nullable(),
    token: InboundToken.nullable(),
    isForwarded: z.boolean(),
    message: ChatMessage.optional(),
    content,
  }),
  /** Its author changed its content. */
  z.strictObject({ ...byPerson, type: z.literal("message.edited") }),
  /** Somebody reacted to it, or took the reaction back. */
  z.strictObject({ ...byPerson, type: z.literal("message.reaction") }),
  /** Somebody chose one of its options; `replyId` is the message with the choice. */
  z.strictObject({ ...byPerson, type: z.literal("message.reply"), replyId: MessageId }),
  /** Somebody voted in the poll, or took the vote back. */
  z.strictObject({ ...byPerson, type: z.literal("poll.vote") }),
  /**
   * The file of a message is stored at the edge, or the session gave it up. A `mediaId` with another state than `stored` is a
   * file whose message was deleted during the upload: it is to be deleted.
   */
  z.strictObject({
    ...aboutMessage,
    type: z.literal("message.media"),
    mediaState: MediaEnd,
    mediaId: MediaId.nullable(),
  }),
  /** Two chats or more proved to be one: their messages are of the chat with the oldest id from now on. */
  z.strictObject({
    ...envelope,
    type: z.literal("chat.merged"),
    chatId: ChatId,
    mergedIds: z.array(ChatId).min(1).max(20),
  }),
  /** The session changed its state. `revision` is the newest desired state that it has acted on. */
  z.strictObject({
    ...envelope,
    type: z.literal("session.state"),
    state: SessionState,
    reason: SessionReason.nullable(),
    phone: AccountNumber.nullable(),
    revision: z.int().nonnegative(),
    /** Connections lost since it was last online for a while, and when the next one is opened. */
    attempts: z.int().nonnegative().default(0),
    nextAttemptAt: Timestamp.nullable().default(null),
  }),
  /** The limits that WhatsApp sets for the account changed, or are known for the first time. */
  z.strictObject({ ...envelope, type: z.literal("session.limits"), ...SenderLimits.shape }),
  /** The session's proxy started or stopped to work. */
  z.strictObject({ ...envelope, type: z.literal("session.proxy"), isHealthy: z.boolean() }),
]);
export type ConnectorEvent = z.infer<typeof ConnectorEvent>;

/** `POST {edge}/internal/events`: a batch from a connector's outbox; 200 means that every event is stored. */
export const EventBatch = z.strictObject({
  connectorId: z.string().min(1).max(100),
  events: z.array(ConnectorEvent).min(1).max(200),
});
export type EventBatch = z.infer<typeof EventBatch>;

/** The answer. `contentMs`: how long a session keeps contents, for sessions that received or sent messages in this batch. */
export const EventsAnswer = z.object({
  applied: z.number(),
  contentMs: z.record(SessionId, z.int().nonnegative()).optional(),
});
export type EventsAnswer = z.infer<typeof EventsAnswer>;

export const eventsPath = "/internal/events";
