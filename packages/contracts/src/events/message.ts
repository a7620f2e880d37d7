import { z } from "zod";
import { Media } from "../api/media.ts";
import { MediaState } from "../api/message-media.ts";
import { Timestamp } from "../api/common.ts";
import { examples } from "../api/examples.ts";
import { FailureReason } from "../delivery.ts";
import { SessionId } from "../ids.ts";
import { defineEvent } from "./define-event.ts";
import {
  aboutExample,
  deliveredExample,
  EventMessage,
  queuedExample,
  receivedExample,
  sentExample,
} from "./message-data.ts";

const data = EventMessage;
const none = z.object({});
const { createdAt, sentAt, deliveredAt, sessionId } = examples.message;
const about = { ...aboutExample, chatId: null };
const readAt = "2026-11-21T08:15:41.000Z";
const later = "2026-11-21T08:16:02.000Z";
const read = { ...deliveredExample, status: "read" as const, readAt };
const failure = { reason: "refused" as const, detail: "WhatsApp refused the message." };

/** What happens to a message between its request and its end, and that people write. */
export const messageEvents = [
  defineEvent({
    type: "message.scheduled",
    data,
    change: z.object({ sendAt: Timestamp.meta({ description: "When it is to be sent." }) }),
    when: "A message is stored for a later time, or moved to another one.",
    follows: "It is queued within a minute after that time.",
    example: {
      ...about,
      at: createdAt,
      data: { ...queuedExample, status: "scheduled", sendAt: "2026-11-22T02:00:00.000Z" },
      change: { sendAt: "2026-11-22T02:00:00.000Z" },
    },
  }),
  defineEvent({
    type: "message.queued",
    data,
    change: none,
    when: "A message is accepted, its time has come, or it is tried again.",
    follows: "Its session sends it when its turn in the lane comes.",
    example: { ...about, at: createdAt, data: queuedExample, change: {} },
  }),
  defineEvent({
    type: "message.rerouted",
    data,
    change: z.object({
      fromSessionId: SessionId.meta({ description: "The session that did not send it." }),
      reason: FailureReason.or(z.literal("not_online")).meta({ description: "Why that session did not send it." }),
    }),
    when: "Another session of the pool gets a message that its session cannot send.",
    follows: "The session in `data` sends it.",
    example: { ...about, at: sentAt, data: queuedExample, change: { fromSessionId: sessionId, reason: "not_online" } },
  }),
  defineEvent({
    type: "message.sent",
    data,
    change: none,
    when: "WhatsApp's server acknowledged the message.",
    follows: "`message.delivered` follows when the recipient's phone has it.",
    example: { ...aboutExample, at: sentAt, data: sentExample, change: {} },
  }),
  defineEvent({
    type: "message.delivered",
    data,
    change: none,
    when: "The recipient's phone has the message.",
    follows: "`message.read` follows if the recipient opens it and shares read receipts.",
    example: { ...aboutExample, at: deliveredAt, data: deliveredExample, change: {} },
  }),
  defineEvent({
    type: "message.read",
    data,
    change: none,
    when: "The recipient opened the message, and shares read receipts.",
    follows: "For voice and video notes `message.played` can follow.",
    example: { ...aboutExample, at: readAt, data: read, change: {} },
  }),
  defineEvent({
    type: "message.played",
    data,
    change: none,
    when: "The recipient played the voice or video note.",
    follows: "No further receipt follows.",
    example: {
      ...aboutExample,
      at: later,
      data: { ...read, type: "voice", status: "played", playedAt: later },
      change: {},
    },
  }),
  defineEvent({
    type: "message.failed",
    data,
    change: z.object({ reason: FailureReason.meta({ description: "As in `data.failure`, which has a sentence." }) }),
    when: "The message was not sent and will not be. Readers without `lookup:read` see `message.sent` if the number has no account.",
    follows: "`POST /v1/messages/{id}/retry` sends it again if nothing of it can have reached WhatsApp.",
    example: {
      ...about,
      at: sentAt,
      data: { ...queuedExample, status: "failed", failure },
      change: { reason: failure.reason },
    },
  }),
  defineEvent({
    type: "message.canceled",
    data,
    change: none,
    when: "The message was canceled before it was sent, by a request or with its verification or batch.",
    follows: "It is not sent.",
    example: { ...about, at: sentAt, data: { ...queuedExample, status: "canceled" }, change: {} },
  }),
  defineEvent({
    type: "message.received",
    data,
    change: none,
    when: "Somebody wrote in a chat of the session, or the account's owner wrote on the phone or another device (`data.origin`).",
    follows: "If it holds a file, `message.media` follows when the file is fetched.",
    example: { ...aboutExample, at: sentAt, data: receivedExample, change: {} },
  }),
  defineEvent({
    type: "message.revoked",
    data,
    change: none,
    when: "A message was deleted for everyone, by its author or by an admin of the group.",
    follows: "Sandi deletes its content and its file.",
    example: {
      ...aboutExample,
      at: later,
      data: { ...read, status: "revoked", revokedAt: later },
      change: {},
    },
  }),
  defineEvent({
    type: "message.deleted",
    data,
    change: none,
    when: "The account deleted the message for itself alone.",
    follows: "Sandi deletes its content and its file, and lists leave the message out. Others keep it.",
    example: { ...aboutExample, at: later, data: { ...read, deletedAt: later }, change: {} },
  }),
  defineEvent({
    type: "message.media",
    data,
    change: z.object({
      mediaState: MediaState,
      media: Media.nullable().meta({
        description:
          "The file, with a link of its own. Null unless it is `stored`, without `message:read`, and when it was deleted.",
      }),
    }),
    when: "The file of a received message is stored, or cannot be fetched.",
    follows: "`change.media.url` answers a stored file for 24 hours after the event was shown.",
    example: {
      ...aboutExample,
      at: later,
      data: { ...receivedExample, type: "document", content: null, contentState: null },
      change: { mediaState: "stored", media: examples.media },
    },
  }),
] as const;
