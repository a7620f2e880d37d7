import type { ListWebhookDeliveries, WebhookDelivery } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import { deliveryIdAt } from "../outbound/delivery.ts";
import { type Found, windowOf } from "../page-window.ts";
import { toDelivery } from "./present-delivery.ts";
import { findReadableWebhook } from "./readable-webhook.ts";

type Query = ListWebhookDeliveries & { webhookId: string };

/** The matching deliveries of a webhook, newest first. */
export async function listDeliveries(ctx: Context, query: Query): Promise<Found<WebhookDelivery>> {
  const { db, now } = ctx.services;
  const { webhookId, status, eventId, type, limit } = query;
  const tenant = tenantOf(ctx.actor);
  await findReadableWebhook(ctx, webhookId);
  const { index, which } =
    status === undefined
      ? { index: "delivery_endpoint", which: sql`endpoint_id = ${webhookId}` }
      : { index: "delivery_status", which: sql`endpoint_id = ${webhookId} AND status = ${status}` };
  const ids = idRangeOf(query);
  const window = windowOf({
    table: "delivery",
    index,
    which,
    // Deliveries are of live or sandbox events as their endpoint is.
    tenant: { ...tenant, test: 0 },
    ...ids,
  });
  const conditions: RawBuilder<unknown>[] = [sql`workspace_id = ${tenant.workspaceId}`, which];
  if (type !== undefined) conditions.push(sql`type = ${type}`);
  // An event has one delivery to a webhook.
  if (eventId === undefined) conditions.push(window.has(sql`id`));
  else conditions.push(sql`subject_id = ${eventId}`, sql`id >= ${ids.from} AND id < ${ids.before}`);
  const ofEvent = eventId !== undefined;
  const rows = sql<DeliveryTable>`SELECT * FROM delivery INDEXED BY ${sql.ref(ofEvent ? "delivery_once" : index)}
    WHERE ${sql.join(conditions, sql` AND `)} ORDER BY id DESC LIMIT ${limit}`;
  const found = await db.read({ rows, floor: ofEvent ? [] : [window.floor] });
  const at = now().getTime();
  return { items: found.rows.rows.map((row) => toDelivery(row, at)), continueAt: found.floor[0]?.rows[0]?.id };
}

/** The ids that can match: they begin with the time. */
function idRangeOf({ createdAfter, createdBefore, cursor }: Query) {
  const from = createdAfter === undefined ? "dlv_" : deliveryIdAt(Date.parse(createdAfter) + 1);
  const before = createdBefore === undefined ? "dlv_~" : deliveryIdAt(Date.parse(createdBefore));
  return { from, before: cursor !== undefined && cursor < before ? cursor : before };
}
