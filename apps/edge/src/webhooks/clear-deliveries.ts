import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import { deliveryIdAt } from "../outbound/delivery.ts";
import { sweepSize } from "../retention.ts";
import { commitAs } from "../writes/commit-as.ts";
import { findReadableWebhook } from "./readable-webhook.ts";

/** One call deletes so many times `sweepSize` deliveries at most. */
const rounds = 5;

/** Deletes deliveries that have ended, with their attempts. Those that wait stay. */
export async function clearDeliveries(
  ctx: Context,
  { webhookId, createdBefore }: { webhookId: string; createdBefore: string },
): Promise<{ deleted: number; hasMore: boolean }> {
  await findReadableWebhook(ctx, webhookId);
  let deleted = 0;
  for (let round = 0; round < rounds; round++) {
    const count = await clearSome(ctx, { webhookId, createdBefore });
    deleted += count;
    if (count < sweepSize) return { deleted, hasMore: false };
  }
  return { deleted, hasMore: true };
}

async function clearSome(ctx: Context, { webhookId, createdBefore }: { webhookId: string; createdBefore: string }) {
  const { services, actor } = ctx;
  const ended = sql`SELECT id FROM delivery INDEXED BY delivery_endpoint WHERE endpoint_id = ${webhookId}
    AND workspace_id = ${actor.workspaceId} AND id < ${deliveryIdAt(Date.parse(createdBefore))}
    AND status IN ('delivered', 'failed') ORDER BY id LIMIT ${sweepSize}`;
  const { written } = await commitAs(ctx, {
    writes: {
      deleted: sql<{ id: string }>`DELETE FROM delivery WHERE id IN (${ended}) RETURNING id`,
      audit: audited(ctx, {
        action: "webhook.deliveries_deleted",
        target: webhookId,
        detail: { createdBefore },
        at: services.now().getTime(),
        when: sql`changes() > 0`,
      }),
    },
  });
  return written?.deleted.rows.length ?? 0;
}
