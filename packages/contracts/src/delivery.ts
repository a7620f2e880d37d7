import { z } from "zod";

/**
 * How far a message has come. It only moves forward: scheduled < queued < sending < sent < delivered < read < played;
 * `failed` and `canceled` end it, and only before `sent`. A retry queues a failed message again. `revoked` ends it after
 * `sent`, whether it was read or not: the message was deleted for everyone. `received` is the status of a message that somebody else
 * wrote, until it is `revoked`.
 */
export const MessageStatus = z.enum([
  "scheduled",
  "queued",
  "sending",
  "sent",
  "delivered",
  "read",
  "played",
  "failed",
  "canceled",
  "revoked",
  "received",
]);
export type MessageStatus = z.infer<typeof MessageStatus>;

/** Why a message was not sent, each with the sentence that the API shows. */
export const failureReasons = {
  not_on_whatsapp: "The number has no WhatsApp account.",
  undeliverable: "The message could not be delivered to this number.",
  expired: "The message could not be sent before it expired.",
  session_ended: "The session was logged out, banned or deleted before the message was sent.",
  new_chats_locked: "WhatsApp does not let this account open new chats at the moment.",
  lookups_exhausted:
    "The session may not ask WhatsApp about more unknown numbers for now, or WhatsApp gave no answer for this number.",
  account_restricted: "WhatsApp has restricted the sending account.",
  refused: "WhatsApp refused the message.",
  unreadable: "The connector could not open the message: the edge sealed it to another key, or for another purpose.",
  media_unavailable: "The file of the message is gone, or is not the one that was accepted.",
  media_refused: "The file cannot be converted, or WhatsApp refused it.",
  content_not_kept: "The message that was to be forwarded is not kept any more.",
  not_forwardable: "Messages that are shown once, and kinds that Sandi does not know, cannot be forwarded.",
  chat_unknown: "The session has no chat with this id.",
  not_group_member: "The account is not a member of the group.",
  not_group_admin: "Only admins of the group may write in it.",
  transcoder_missing: "The voice note is not Ogg with Opus, and the connector has no ffmpeg to convert it.",
} as const;

/** Reasons that lie in the sending account: another account of its pool may still send the message. */
export const accountFailures = ["new_chats_locked", "account_restricted", "session_ended"] as const;

/**
 * A message that failed for this reason can be retried if connectors have claimed it at most so often: then nothing of it
 * can have reached WhatsApp. Null: the reason does not pass, or something may have been sent.
 */
export const claimsBeforeRetry = {
  not_on_whatsapp: null,
  undeliverable: null,
  expired: 0,
  session_ended: 1,
  new_chats_locked: Number.MAX_SAFE_INTEGER,
  lookups_exhausted: 1,
  account_restricted: 1,
  refused: null,
  unreadable: null,
  media_unavailable: null,
  media_refused: null,
  content_not_kept: null,
  not_forwardable: null,
  chat_unknown: null,
  not_group_member: 1,
  not_group_admin: 1,
  transcoder_missing: 1,
} as const satisfies Record<FailureReason, number | null>;

const reasons = Object.keys(failureReasons) as [FailureReason, ...FailureReason[]];
export type FailureReason = keyof typeof failureReasons;
export const FailureReason = z.enum(reasons);

export const Failure = z.object({ reason: FailureReason, detail: z.string().max(256) }).meta({
  id: "Failure",
  description: "Why a message was not sent.",
  example: { reason: "refused", detail: failureReasons.refused },
});

/** The connector puts the code here. The edge stores the text of a code with this placeholder. */
export const codePlaceholder = "{{code}}";
