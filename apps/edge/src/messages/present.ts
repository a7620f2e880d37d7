import { failureReasons, type Message, type Scope } from "@sandi/contracts";
import type { MessageTable } from "../db/schema.ts";

export type DeliveryColumns = Pick<
  MessageTable,
  "status" | "failure" | "sentAt" | "deliveredAt" | "readAt" | "expiresAt"
>;
export type MessageRow = DeliveryColumns & Pick<MessageTable, "id" | "sessionId" | "toMasked" | "createdAt">;

interface Viewer {
  now: number;
  scopes: ReadonlySet<Scope>;
}

export const iso = (time: number) => new Date(time).toISOString();
const isoOrNull = (time: number | null) => (time === null ? null : iso(time));

export function toMessage(row: MessageRow, viewer: Viewer): Message {
  return {
    id: row.id,
    sessionId: row.sessionId,
    to: row.toMasked,
    type: "text",
    ...toDelivery(row, viewer),
    createdAt: iso(row.createdAt),
    expiresAt: iso(row.expiresAt),
  };
}

/** A queued message past its time has failed, whether the sweep has written it down or not. */
export function toDelivery(row: DeliveryColumns, { now, scopes }: Viewer) {
  const lapsed = row.status === "queued" && row.expiresAt <= now;
  return {
    status: lapsed ? ("failed" as const) : row.status,
    sentAt: isoOrNull(row.sentAt),
    deliveredAt: isoOrNull(row.deliveredAt),
    readAt: isoOrNull(row.readAt),
    failure: toFailure(lapsed ? "expired" : row.failure, scopes),
  };
}

/** Who has a WhatsApp account is told to keys with `lookup:read` only. */
function toFailure(reason: MessageTable["failure"], scopes: ReadonlySet<Scope>) {
  if (reason === null) return null;
  const shown = reason === "not_on_whatsapp" && !scopes.has("lookup:read") ? "undeliverable" : reason;
  return { reason: shown, detail: failureReasons[shown] };
}
