import { AppError, type ListWebhooks } from "@sandi/contracts";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import { selectEndpoints } from "../outbound/owned-endpoint.ts";

/** Oldest first. */
export function findWebhooks(db: Db, tenant: Tenant, { cursor, limit }: ListWebhooks): Promise<EndpointTable[]> {
  let query = selectEndpoints(db, tenant, "event");
  if (cursor !== undefined) query = query.where("endpoint.id", ">", cursor);
  return query.orderBy("endpoint.id").limit(limit).execute();
}

/** Throws `webhook-not-found` if the tenant has no such webhook. */
export async function findWebhook(db: Db, tenant: Tenant, id: string): Promise<EndpointTable> {
  const row = await selectEndpoints(db, tenant, "event").where("endpoint.id", "=", id).executeTakeFirst();
  if (!row) throw new AppError("webhook-not-found");
  return row;
}

interface DeliveryPath {
  webhookId: string;
  deliveryId: string;
}

/** Throws `webhook-not-found` or `delivery-not-found`. */
export async function findDelivery(db: Db, tenant: Tenant, path: DeliveryPath): Promise<DeliveryTable> {
  await findWebhook(db, tenant, path.webhookId);
  const row = await db.kysely
    .selectFrom("delivery")
    .selectAll()
    .where("id", "=", path.deliveryId)
    .where("endpointId", "=", path.webhookId)
    .where("workspaceId", "=", tenant.workspaceId)
    .executeTakeFirst();
  if (!row) throw new AppError("delivery-not-found");
  return row;
}
