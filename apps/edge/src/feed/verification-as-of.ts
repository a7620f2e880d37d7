import type { EventVerification, VerificationStatus } from "@sandi/contracts";
import type { Viewer } from "../messages/present.ts";
import type { EventMessageRow } from "../messages/repository.ts";
import { toVerification, type VerificationRow } from "../verifications/present.ts";
import type { NotedChange } from "../verifications/repository.ts";
import { messageAt } from "./message-as-of.ts";

interface VerificationFact {
  seq: number;
  type: string;
  at: number;
  messageId: string | null;
  /** The message with the code; undefined: it is not stored any more. */
  message: EventMessageRow | undefined;
  /** The changes of the verification that events note, oldest first. */
  changes: readonly NotedChange[];
}

/** Events that end a verification, each with the status. For all others it is pending. */
const ends: Record<string, VerificationStatus> = {
  "verification.approved": "approved",
  "verification.canceled": "canceled",
  "verification.expired": "expired",
  "verification.max_attempts_reached": "max_attempts_reached",
  "verification.blocked": "blocked",
  "verification.undeliverable": "undeliverable",
};
/** Events of a message that is made with them. */
const sends = new Set(["verification.created", "verification.resent", "verification.received"]);

/** The verification as it was at one of its events. */
export function verificationAsOf(
  row: VerificationRow,
  fact: VerificationFact,
  scopes: Viewer["scopes"],
): EventVerification {
  const { type, at, seq, message, changes } = fact;
  const later = changes.filter((change) => change.seq > seq);
  const isApproved = type === "verification.approved";
  const delivery = message && (sends.has(type) ? queued(message) : messageAt(message, at));
  const {
    created: _c,
    inbound: _i,
    code: _,
    resendAfter: _r,
    ...shown
  } = toVerification(
    {
      ...row,
      status: ends[type] ?? "pending",
      isUnreachable: 0,
      mode: later.some((change) => change.type === "verification.switched") ? "push" : row.mode,
      attemptsLeft: attemptsBefore(row, later, isApproved),
      sendsLeft: valueBefore(later, "verification.resent", "sendsLeft") ?? row.sendsLeft,
      approvedAt: isApproved ? row.approvedAt : null,
      approvedBy: isApproved ? row.approvedBy : null,
      updatedAt: at,
      ...deliveryOf(delivery),
    },
    { now: Math.min(at, row.expiresAt - 1), scopes },
  );
  return shown;
}

/** The value before the first of these changes, each of which is one less; undefined: it did not change. */
function valueBefore(later: readonly NotedChange[], type: string, field: "attemptsLeft" | "sendsLeft") {
  const first = later.find((change) => change.type === type);
  return first && (JSON.parse(first.data) as Record<typeof field, number>)[field] + 1;
}

/** The right code takes an attempt, too, without an event of its own. */
function attemptsBefore(row: VerificationRow, later: readonly NotedChange[], isApproved: boolean): number {
  const before = valueBefore(later, "verification.check_failed", "attemptsLeft");
  return before ?? row.attemptsLeft + Number(row.approvedBy === "code" && !isApproved);
}

const queued = (message: EventMessageRow): EventMessageRow => ({
  ...message,
  status: "queued",
  failure: null,
  sentAt: null,
  deliveredAt: null,
  readAt: null,
});

function deliveryOf(message: EventMessageRow | undefined) {
  if (!message) return { messageId: null };
  const { id, sessionId, status, failure, sentAt, deliveredAt, readAt, noAccountAt, messageUpdatedAt } = message;
  const times = { failure, sentAt, deliveredAt, readAt, noAccountAt, messageUpdatedAt };
  return { messageId: id, messageSessionId: sessionId, messageStatus: status, ...times };
}
