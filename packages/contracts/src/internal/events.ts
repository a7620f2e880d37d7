import { z } from "zod";
import { AccountNumber, Timestamp } from "../api/common.ts";
import { SenderLimits, SessionReason, SessionState } from "../api/sessions.ts";
import { FailureReason } from "../delivery.ts";
import { EventId, MessageId, SessionId } from "../ids.ts";
import { InboundToken } from "../inbound.ts";
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

/** A fact that a connector reports. Events come at least once, in order per session; applying one twice changes nothing. */
export const ConnectorEvent = z.discriminatedUnion("type", [
  /** WhatsApp's server acknowledged the message. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.sent") }),
  /** The recipient's phone has it. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.delivered") }),
  /** The recipient opened it. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.read") }),
  /** The recipient played the voice or video note. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.played") }),
  /** It was not sent and will not be sent. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.failed"), reason: FailureReason }),
  /** A sent message was revoked: the recipient sees that a message was deleted. */
  z.strictObject({ ...aboutMessage, type: z.literal("message.revoked") }),
  /**
   * A person wrote to the session, in a chat of two. `from` is null if only the hidden id (LID) of the sender is known.
   * `token` is the token of an inbound verification, if the text holds one. The text stays at the connector.
   */
  z.strictObject({
    ...envelope,
    type: z.literal("message.received"),
    from: AccountNumber.nullable(),
    token: InboundToken.nullable(),
    isForwarded: z.boolean(),
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

export const eventsPath = "/internal/events";
