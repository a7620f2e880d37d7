import { sql } from "kysely";
import { dropCachedKeys } from "../auth/cache.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { deleteRow } from "../writes/delete-row.ts";

/** Deletes a webhook with its secrets, deliveries and statistics. Events that wait for it are not sent. */
export async function deleteWebhook(ctx: Context, id: string): Promise<void> {
  await deleteRow(ctx, {
    table: "endpoint",
    id,
    only: sql<boolean>`topic = 'event' AND test = ${tenantOf(ctx.actor).test}`,
    action: "webhook.deleted",
    missing: "webhook-not-found",
    // Without webhooks the workspace's events are not looked at.
    also: [
      sql`DELETE FROM webhook_position WHERE workspace_id = ${ctx.actor.workspaceId} AND NOT EXISTS (SELECT 1 FROM endpoint
        WHERE workspace_id = ${ctx.actor.workspaceId} AND topic = 'event')`,
    ],
  });
  // A cached key has whether the workspace has webhooks.
  dropCachedKeys(ctx.services, { workspaceId: ctx.actor.workspaceId });
}
