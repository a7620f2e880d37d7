import type { FailureReason, MessageStatus } from "@sandi/contracts";
import type { EventMessageRow } from "../messages/repository.ts";

/** An event about a message, as its reader sees it. */
export interface MessageFact {
  type: string;
  at: number;
  sessionId: string | null;
  data: Record<string, unknown>;
}

const receipts = ["sent", "delivered", "read", "played"] as const;
const columns = { sent: "sentAt", delivered: "deliveredAt", read: "readAt", played: "playedAt" } as const;
const ends: ReadonlySet<MessageStatus> = new Set(["failed", "canceled", "revoked"]);

/** Events whose type says the status. */
const statuses: Record<string, MessageStatus> = {
  "message.scheduled": "scheduled",
  "message.queued": "queued",
  "message.rerouted": "queued",
  "message.sent": "sent",
  "message.delivered": "delivered",
  "message.read": "read",
  "message.played": "played",
  "message.failed": "failed",
  "message.canceled": "canceled",
  "message.revoked": "revoked",
};

/** The message as it was at one of its events. */
export function messageAsOf(row: EventMessageRow, { type, at, data, ...fact }: MessageFact): EventMessageRow {
  const sessionId = fact.sessionId ?? "";
  const status = statuses[type];
  if (status === undefined) {
    const received = type === "message.received" ? { type: (data["type"] as string | undefined) ?? row.type } : {};
    return { ...messageAt(row, upTo(at)), ...received, sessionId };
  }
  const failure = status === "failed" ? (data["reason"] as FailureReason) : status === "revoked" ? row.failure : null;
  const sendAt = status === "scheduled" ? Date.parse(String(data["sendAt"])) : row.sendAt;
  return { ...withStatus(row, status, at), failure, sendAt, sessionId };
}

/** The message as it was at a time. */
export function messageAt(row: EventMessageRow, at: number): EventMessageRow {
  const { status, failure } = endBefore(row, at) ?? { status: reachedBefore(row, at), failure: null };
  return { ...withStatus(row, status, at), failure };
}

function endBefore({ status, failure, noAccountAt, messageUpdatedAt }: EventMessageRow, at: number) {
  if (ends.has(status) && messageUpdatedAt <= at) return { status, failure };
  // Readers who do not see that there is no account can revoke such a message later.
  const hasNoAccount = failure === "not_on_whatsapp" && isBefore(noAccountAt, at);
  return hasNoAccount ? { status: "failed" as const, failure } : undefined;
}

function reachedBefore(row: EventMessageRow, at: number): MessageStatus {
  if (row.direction === "inbound") return "received";
  return receipts.findLast((receipt) => isBefore(row[columns[receipt]], at)) ?? "queued";
}

/** Times of WhatsApp are whole seconds. What happened in the same second counts as before. */
const upTo = (at: number) => (at % 1000 === 0 ? at + 999 : at);

/** With this status, and without what came later. */
function withStatus(row: EventMessageRow, status: MessageStatus, at: number): EventMessageRow {
  const reached = (receipts as readonly string[]).indexOf(status);
  const kept = receipts.map((receipt, i) => {
    const time = row[columns[receipt]];
    const isKept = reached >= 0 ? i <= reached : ["revoked", "received"].includes(status) && isBefore(time, at);
    return [columns[receipt], isKept ? time : null];
  });
  const times = Object.fromEntries(kept) as Pick<EventMessageRow, (typeof columns)[(typeof receipts)[number]]>;
  // Readers who may not see that there is no account see the failure as `sent`.
  const sentAt = status === "sent" ? (times.sentAt ?? at) : times.sentAt;
  const isUnsentOfApi = row.direction === null && row.origin === null && sentAt === null;
  return {
    ...row,
    ...times,
    status,
    sentAt,
    editedAt: isBefore(row.editedAt, upTo(at)) ? row.editedAt : null,
    deletedAt: isBefore(row.deletedAt, upTo(at)) ? row.deletedAt : null,
    messageUpdatedAt: Math.min(row.messageUpdatedAt, at),
    // The message of an API request gets its chat when it is sent.
    chatId: isUnsentOfApi ? null : row.chatId,
  };
}

const isBefore = (time: number | null, at: number) => time !== null && time <= at;
