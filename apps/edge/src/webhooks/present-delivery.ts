import type { WebhookAttempt, WebhookDelivery } from "@sandi/contracts";
import type { DeliveryAttemptTable, DeliveryTable } from "../db/tables/deliveries.ts";
import { openAnswer } from "../outbound/attempts.ts";
import type { Services } from "../services.ts";
import { iso, isoOrNull } from "../time.ts";

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

export async function toAttempt(
  services: Services,
  workspaceId: string,
  { deliveryId, number, at, durationMs, status, error, answer }: DeliveryAttemptTable,
): Promise<WebhookAttempt> {
  const text = answer === null ? null : await openAnswer(services, workspaceId, { deliveryId, answer });
  return { number, at: iso(at), durationMs, status, error, answer: text };
}
