import type { WebhookDeliveryDetail } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { toAttempt, toDelivery } from "./present-delivery.ts";
import { findDelivery } from "./repository.ts";

const mostAttempts = 100;

/** A delivery with its attempts. */
export async function getDelivery(
  { services, actor }: Context,
  path: { webhookId: string; deliveryId: string },
): Promise<WebhookDeliveryDetail> {
  const { db, now } = services;
  const row = await findDelivery(db, tenantOf(actor), path);
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
