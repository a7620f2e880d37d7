import type { WebhookDelivery } from "@sandi/contracts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import { iso, isoOrNull } from "../time.ts";

/** The lowest id of a delivery of this time: ids begin with 48 bits of milliseconds. */
export const deliveryIdAt = (ms: number) => `dlv_${Math.max(0, ms).toString(16).padStart(12, "0")}`;

export const toDelivery = (row: DeliveryTable, at: number): WebhookDelivery => ({
  id: row.id,
  eventId: row.subjectId,
  type: row.type,
  status: row.status === "in_digest" ? "delivered" : row.status,
  attempts: row.attempts,
  lastStatus: row.lastStatus,
  error: row.error,
  isReplay: row.isReplay === 1,
  nextAttemptAt: row.status === "queued" && row.nextAttemptAt > at ? iso(row.nextAttemptAt) : null,
  createdAt: iso(row.createdAt),
  deliveredAt: isoOrNull(row.deliveredAt),
});
