import { failureReasons, type Message, type Pacing, type Scope } from "@sandi/contracts";
import type { MessageTable } from "../db/schema.ts";

export type DeliveryColumns = Pick<
  MessageTable,
  "status" | "failure" | "sentAt" | "deliveredAt" | "readAt" | "expiresAt"
>;
export type MessageRow = DeliveryColumns &
  Pick<MessageTable, "id" | "sessionId" | "toMasked" | "createdAt"> & {
    pacing: Pacing | null;
  };

interface Viewer {
  now: number;
  scopes: ReadonlySet<Scope>;
}

export const iso = (time: number) => new Date(time).toISOString();
export const isoOrNull = (time: number | null) => (time === null ? null : iso(time));

export function toMessage(row: MessageRow, viewer: Viewer): Message {
  return {
    id: row.id,
    sessionId: row.sessionId === "" ? null : row.sessionId,
    to: row.toMasked,
    type: "text",
    ...toDelivery(row, viewer),
    createdAt: iso(row.createdAt),
    expiresAt: iso(row.expiresAt),
  };
}

/** A queued message past its time has failed, whether the sweep has written it down or not. */
export function toDelivery(row: DeliveryColumns, { now, scopes }: Viewer) {
  const hidden = isHidden(row, scopes);
  const lapsed = (hidden || row.status === "queued") && row.expiresAt <= now;
  const failure = lapsed ? "expired" : hidden ? null : row.failure;
  return {
    status: lapsed ? ("failed" as const) : hidden ? ("sending" as const) : row.status,
    sentAt: isoOrNull(row.sentAt),
    deliveredAt: isoOrNull(row.deliveredAt),
    readAt: isoOrNull(row.readAt),
    failure: failure && { reason: failure, detail: failureReasons[failure] },
  };
}

/** Who has a WhatsApp account is told to keys with `lookup:read` only: to others such a message is on its way. */
export const isHidden = ({ failure }: Pick<MessageTable, "failure">, scopes: ReadonlySet<Scope>) =>
  failure === "not_on_whatsapp" && !scopes.has("lookup:read");
