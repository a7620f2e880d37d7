import type { WebhookDeliveryDetail } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { toAttempt, toDelivery } from "./present-delivery.ts";
import { findReadableWebhook } from "./readable-webhook.ts";
import { findDelivery } from "./repository.ts";

const mostAttempts = 100;

/** A delivery with its attempts. */
export async function getDelivery(
  ctx: Context,
  path: { webhookId: string; deliveryId: string },
): Promise<WebhookDeliveryDetail> {
  const { services, actor } = ctx;
  const { db, now } = services;
  await findReadableWebhook(ctx, path.webhookId);
  const row = await findDelivery(db, actor.workspaceId, path);
  const attempts = await db.kysely
    .selectFrom("deliveryAttempt")
    .selectAll()
    .where("deliveryId", "=", row.id)
    .orderBy("number", "desc")
    .limit(mostAttempts)
    .execute();
  const log = await Promise.all(attempts.map((each) => toAttempt(services, actor.workspaceId, each)));
  return { ...toDelivery(row, now().getTime()), log };
}
