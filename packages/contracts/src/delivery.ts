import { z } from "zod";

/**
 * How far a message has come. It only moves forward: queued < sending < sent < delivered < read;
 * `failed` and `canceled` end it, and only before `sent`; `revoked` ends it behind `sent` or `delivered`: it was taken back.
 */
export const MessageStatus = z.enum([
  "queued",
  "sending",
  "sent",
  "delivered",
  "read",
  "failed",
  "canceled",
  "revoked",
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
    "The session may ask WhatsApp about no more unknown numbers for now, or WhatsApp did not answer for this one.",
  account_restricted: "WhatsApp has restricted the sending account.",
  refused: "WhatsApp refused the message.",
  unreadable:
    "The connector could not open the message, because its sealing key is not the one the edge sealed to, or the message was sealed for something else.",
} as const;

/** Reasons that are the sending account's: another one of its pool may still send the message. */
export const accountFailures = ["new_chats_locked", "account_restricted", "session_ended"] as const;

const reasons = Object.keys(failureReasons) as [FailureReason, ...FailureReason[]];
export type FailureReason = keyof typeof failureReasons;
export const FailureReason = z.enum(reasons);

export const Failure = z.object({ reason: FailureReason, detail: z.string().max(256) }).meta({
  id: "Failure",
  description: "Why a message was not sent.",
  example: { reason: "refused", detail: failureReasons.refused },
});

/** The place in an OTP text where the connector puts the code; the edge stores the text with this in it. */
export const codePlaceholder = "{{code}}";
