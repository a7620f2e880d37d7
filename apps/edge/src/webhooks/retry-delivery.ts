import { AppError, type WebhookDelivery } from "@sandi/contracts";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { deliveryJobs } from "../outbound/delivery.ts";
import { queueAgain } from "../outbound/queue-again.ts";
import { commitAs } from "../writes/commit-as.ts";
import { toDelivery } from "./present-delivery.ts";
import { findReadableWebhook } from "./readable-webhook.ts";
import { findDelivery } from "./repository.ts";

/** Queues a delivery that has ended again, outside the order. */
export async function retryDelivery(
  ctx: Context,
  path: { webhookId: string; deliveryId: string },
): Promise<WebhookDelivery> {
  const { services, actor } = ctx;
  const { db, now } = services;
  await findReadableWebhook(ctx, path.webhookId);
  const before = await findDelivery(db, actor.workspaceId, path);
  const at = now().getTime();
  const own = sql<boolean>`delivery.id = ${before.id}`;
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM delivery WHERE ${own} AND type <> 'test' AND status IN ('delivered', 'failed'))`,
    writes: {
      queued: queueAgain(db, { which: own, at }),
      audit: audited(ctx, {
        action: "webhook.delivery_retried",
        target: path.webhookId,
        detail: { deliveryId: before.id },
        at,
      }),
    },
    reads: { row: sql<DeliveryTable>`SELECT * FROM delivery WHERE ${own}` },
  });
  const row = committed?.row[0];
  if (!row) throw notRetryable(before);
  services.waitUntil(publishStored(services, deliveryJobs, [row.id]));
  return toDelivery(row, at);
}

const notRetryable = ({ type }: DeliveryTable) =>
  type === "test"
    ? new AppError("delivery-not-ended", { detail: "A test is not repeated. Send another one." })
    : new AppError("delivery-not-ended");
