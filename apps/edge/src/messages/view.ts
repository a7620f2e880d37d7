import { type FailureReason, failureReasons, type Message, type MessageStatus } from "@sandi/contracts";

/** The columns that a delivery's view needs. */
export interface DeliveryRow {
  status: MessageStatus;
  failure: FailureReason | null;
  sentAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
}

export interface MessageRow extends DeliveryRow {
  id: string;
  sessionId: string;
  toMasked: string;
  createdAt: number;
  expiresAt: number;
}

/** A message as the API shows it. */
export function toMessage(row: MessageRow, maySeeLookups: boolean): Message {
  return {
    id: row.id,
    sessionId: row.sessionId,
    to: row.toMasked,
    type: "text",
    ...toDelivery(row, maySeeLookups),
    createdAt: iso(row.createdAt),
    expiresAt: iso(row.expiresAt),
  };
}

/** Who has a WhatsApp account is for keys with `lookup:read` only; others learn that it could not be delivered. */
export function toDelivery(row: DeliveryRow, maySeeLookups: boolean) {
  const reason = row.failure === "not_on_whatsapp" && !maySeeLookups ? "undeliverable" : row.failure;
  return {
    status: row.status,
    sentAt: orNull(row.sentAt),
    deliveredAt: orNull(row.deliveredAt),
    readAt: orNull(row.readAt),
    failure: reason === null ? null : { reason, detail: failureReasons[reason] },
  };
}

export const iso = (at: number) => new Date(at).toISOString();
const orNull = (at: number | null) => (at === null ? null : iso(at));
