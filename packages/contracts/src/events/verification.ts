import { z } from "zod";
import { examples } from "../api/examples.ts";
import { Verification } from "../api/verifications.ts";
import { defineEvent } from "./define-event.ts";

/** A verification as events show it. */
export const EventVerification = Verification.omit({
  created: true,
  inbound: true,
  code: true,
  resendAfter: true,
}).meta({
  id: "EventVerification",
  description:
    "A verification as of an event. The code, and the token and link of an inbound one, are in no event: the answers to your requests have them.",
});
export type EventVerification = z.infer<typeof EventVerification>;

const data = EventVerification;
const none = z.object({});
const attemptsLeft = z.int().min(0).max(10);
const { id: messageId, sessionId, createdAt, sentAt, deliveredAt } = examples.message;
const id = messageId.replace("msg_", "ver_");
const delivery = {
  status: "sent" as const,
  messageId,
  sessionId,
  sentAt,
  deliveredAt: null,
  readAt: null,
  failure: null,
};
const pending = {
  id,
  status: "pending" as const,
  mode: "push" as const,
  to: "+62812•••7890",
  country: "ID",
  purpose: "login",
  locale: "id" as const,
  templateId: null,
  codeLength: 6,
  bind: null,
  expiresAt: "2026-11-21T08:20:18.000Z",
  attemptsLeft: 5,
  sendsLeft: 2,
  delivery,
  approvedBy: null,
  approvedAt: null,
  metadata: { userId: "42" },
  test: false,
  createdAt,
  updatedAt: createdAt,
};
const about = { at: deliveredAt, messageId, verificationId: id };
const inbound = { ...pending, mode: "inbound" as const, delivery: null };
const ended = { ...pending, updatedAt: deliveredAt };
const without = { messageId: null, verificationId: id, at: deliveredAt };

/** What happens to a verification. The delivery of its code is `message.*` with its `verificationId`. */
export const verificationEvents = [
  defineEvent({
    type: "verification.created",
    data,
    change: z.object({ mode: Verification.shape.mode }),
    when: "A verification is stored.",
    follows: "A message with the code is queued, or (`inbound`) the user is asked to write.",
    example: {
      ...about,
      at: createdAt,
      data: { ...pending, delivery: { ...delivery, status: "queued", sentAt: null } },
      change: { mode: "push" },
    },
  }),
  defineEvent({
    type: "verification.resent",
    data,
    change: z.object({ sendsLeft: Verification.shape.sendsLeft }),
    when: "The code is sent again.",
    follows: "A new message is queued, which `data.delivery` shows.",
    example: {
      ...about,
      data: { ...ended, sendsLeft: 1, delivery: { ...delivery, status: "queued", sentAt: null } },
      change: { sendsLeft: 1 },
    },
  }),
  defineEvent({
    type: "verification.received",
    data,
    change: none,
    when: "The user sent the token of an inbound verification.",
    follows: "The verification is approved (`match`), or the user gets a message with a code (`reply`).",
    example: { ...without, data: { ...inbound, updatedAt: deliveredAt }, change: {} },
  }),
  defineEvent({
    type: "verification.switched",
    data,
    change: z.object({ mode: Verification.shape.mode }),
    when: "No session may open a chat with the number, so the verification waits for a message of the user.",
    follows: "Show the user the link of `GET /v1/verifications/{id}`.",
    example: { ...without, data: { ...inbound, updatedAt: deliveredAt }, change: { mode: "inbound" } },
  }),
  defineEvent({
    type: "verification.check_failed",
    data,
    change: z.object({ attemptsLeft }),
    when: "A wrong code was checked.",
    follows: "One attempt less is left.",
    example: { ...about, data: { ...ended, attemptsLeft: 4 }, change: { attemptsLeft: 4 } },
  }),
  defineEvent({
    type: "verification.approved",
    data,
    change: z.object({ approvedBy: Verification.shape.approvedBy.unwrap() }),
    when: "The right code was checked, the user's message matched, or you approved the verification.",
    follows: "Its secrets are deleted, and messages with its code that wait are canceled.",
    example: {
      ...about,
      data: { ...ended, status: "approved", attemptsLeft: 4, approvedBy: "code", approvedAt: deliveredAt },
      change: { approvedBy: "code" },
    },
  }),
  defineEvent({
    type: "verification.canceled",
    data,
    change: none,
    when: "A request ended the verification, or a new one for the same number and purpose replaced it.",
    follows: "Its secrets are deleted, and messages with its code that wait are canceled.",
    example: { ...about, data: { ...ended, status: "canceled" }, change: {} },
  }),
  defineEvent({
    type: "verification.expired",
    data,
    change: none,
    when: "Its time is over. The event comes within some minutes after that.",
    follows: "Its secrets are deleted.",
    example: {
      ...about,
      at: pending.expiresAt,
      data: { ...pending, status: "expired", updatedAt: pending.expiresAt },
      change: {},
    },
  }),
  defineEvent({
    type: "verification.max_attempts_reached",
    data,
    change: none,
    when: "The last attempt was wrong.",
    follows: "Its secrets are deleted, and messages with its code that wait are canceled.",
    example: { ...about, data: { ...ended, status: "max_attempts_reached", attemptsLeft: 0 }, change: {} },
  }),
  defineEvent({
    type: "verification.blocked",
    data,
    change: none,
    when: "A new access rule blocks its number.",
    follows: "Its secrets are deleted, and messages with its code that wait are canceled.",
    example: { ...about, data: { ...ended, status: "blocked" }, change: {} },
  }),
  defineEvent({
    type: "verification.undeliverable",
    data,
    change: none,
    when: "Its last message failed. If the number has no account, only readers with `lookup:read` see this event.",
    follows: "Its secrets are deleted. Verify the number in another way.",
    example: {
      ...about,
      data: {
        ...ended,
        status: "undeliverable",
        delivery: {
          ...delivery,
          status: "failed",
          sentAt: null,
          failure: { reason: "refused", detail: "WhatsApp refused the message." },
        },
      },
      change: {},
    },
  }),
] as const;
