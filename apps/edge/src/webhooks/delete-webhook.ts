import { sql } from "kysely";
import { dropCachedKeys } from "../auth/cache.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { sweepSize } from "../retention.ts";
import { commitAs } from "../writes/commit-as.ts";
import { deleteRow } from "../writes/delete-row.ts";

/** A Worker may make a thousand requests to the database. */
const mostRounds = 200;

/** Deletes a webhook with its secrets, deliveries and statistics. Events that wait for it are not sent. */
export async function deleteWebhook(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { workspaceId, test } = tenantOf(actor);
  await deleteMostDeliveries(ctx, id);
  await deleteRow(ctx, {
    table: "endpoint",
    id,
    only: sql<boolean>`topic = 'event' AND test = ${test}`,
    action: "webhook.deleted",
    missing: "webhook-not-found",
    // Without webhooks the workspace's events are not looked at.
    also: [
      sql`DELETE FROM webhook_position WHERE workspace_id = ${workspaceId} AND NOT EXISTS (SELECT 1 FROM endpoint
        WHERE workspace_id = ${workspaceId} AND topic = 'event')`,
    ],
  });
  // A cached key has whether the workspace has webhooks.
  dropCachedKeys(services, { workspaceId });
}

/** Some in each transaction: codes must not wait until all are deleted. The last ones go with the webhook. */
async function deleteMostDeliveries(ctx: Context, id: string): Promise<void> {
  const { db } = ctx.services;
  const { workspaceId, test } = tenantOf(ctx.actor);
  const own = sql`SELECT d.id FROM endpoint p CROSS JOIN delivery d INDEXED BY delivery_endpoint ON d.endpoint_id = p.id
    WHERE p.id = ${id} AND p.workspace_id = ${workspaceId} AND p.topic = 'event' AND p.test = ${test}`;
  for (let round = 0; round < mostRounds; round++) {
    const { rows } = await db.kysely.executeQuery(
      sql`SELECT 1 FROM (${own} LIMIT ${sweepSize + 1}) LIMIT 1 OFFSET ${sweepSize}`.compile(db.kysely),
    );
    if (rows.length === 0) return;
    await commitAs(ctx, { writes: [sql`DELETE FROM delivery WHERE id IN (${own} LIMIT ${sweepSize})`] });
  }
}
