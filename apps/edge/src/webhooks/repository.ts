import { AppError, type ListWebhookReplays, type ListWebhooks } from "@sandi/contracts";
import { sql } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable, EndpointTable, ReplayTable } from "../db/tables/deliveries.ts";
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

/** Throws `delivery-not-found`. */
export async function findDelivery(db: Db, workspaceId: string, path: DeliveryPath): Promise<DeliveryTable> {
  const row = await db.kysely
    .selectFrom("delivery")
    .selectAll()
    .where("id", "=", path.deliveryId)
    .where("endpointId", "=", path.webhookId)
    .where("workspaceId", "=", workspaceId)
    .executeTakeFirst();
  if (!row) throw new AppError("delivery-not-found");
  return row;
}

export const selectReplays = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("replay").selectAll().where("workspaceId", "=", workspaceId);

/** Newest first. */
export function findReplays(
  db: Db,
  workspaceId: string,
  { webhookId, cursor, limit }: ListWebhookReplays & { webhookId: string },
): Promise<ReplayTable[]> {
  let query = selectReplays(db, workspaceId).where("endpointId", "=", webhookId);
  // The index of a webhook's replays has them in the order in which they were stored.
  if (cursor !== undefined)
    query = query.where(sql<boolean>`rowid < (SELECT c.rowid FROM replay c WHERE c.id = ${cursor})`);
  return query
    .orderBy(sql`rowid`, "desc")
    .limit(limit)
    .execute();
}

/** Throws `replay-not-found`. */
export async function findReplay(
  db: Db,
  workspaceId: string,
  { webhookId, replayId }: { webhookId: string; replayId: string },
): Promise<ReplayTable> {
  const row = await selectReplays(db, workspaceId)
    .where("id", "=", replayId)
    .where("endpointId", "=", webhookId)
    .executeTakeFirst();
  if (!row) throw new AppError("replay-not-found");
  return row;
}
