import { type AlertTest, AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { AlertDeliveryTable } from "../db/schema.ts";
import { writeAs } from "../writes/write-as.ts";
import { appendJob } from "../jobs/append-job.ts";
import { firstPublishMs } from "../jobs/kind.ts";
import { callChannel } from "./call.ts";
import { claimMs } from "./deliver.ts";
import { alertJobs, newDeliveryId } from "./jobs.ts";
import { testMessage } from "./render.ts";
import { toDelivery } from "./repository.ts";

/** Sends a test to a channel, also to one that is paused, and answers what the target said; it is not repeated. */
export async function testChannel(ctx: Context, channelId: string): Promise<AlertTest> {
  const { services, actor } = ctx;
  const { db, now } = services;
  const { workspaceId } = actor;
  const at = now().getTime();
  const [{ rows }] = await writeAs(ctx, [
    sql<AlertDeliveryTable & { target: string }>`INSERT INTO alert_delivery (id, workspace_id, channel_id, what, times,
        content, attempts, claim_until, created_at)
      SELECT ${newDeliveryId(at)}, ${workspaceId}, id, 'test', 1, '{}', 1, ${at + claimMs}, ${at}
      FROM alert_channel WHERE id = ${channelId} AND workspace_id = ${workspaceId}
      RETURNING *, (SELECT target FROM alert_channel c WHERE c.id = channel_id) AS target`.compile(db.kysely),
    // Should this call not end, the cron brings the test.
    appendJob(db, alertJobs, {
      which: sql`alert_delivery.channel_id = ${channelId} AND alert_delivery.what = 'test' AND alert_delivery.created_at = ${at}`,
      at,
      publishAfter: at + claimMs + firstPublishMs,
    }),
  ]);
  const [row] = rows;
  if (!row) throw new AppError("alert-channel-not-found");
  const { outcome, answer } = await callChannel(services, { ...row, message: testMessage(services.publicUrl) });
  const isThere = outcome.kind === "delivered";
  const end = {
    status: isThere ? ("delivered" as const) : ("failed" as const),
    lastStatus: outcome.status,
    error: outcome.kind === "delivered" ? null : outcome.error,
    deliveredAt: isThere ? now().getTime() : null,
  };
  // A test that succeeds ends the row of failures; one that fails is known to who asked, and pauses nothing.
  await db.write([
    sql`UPDATE alert_delivery SET status = ${end.status}, last_status = ${end.lastStatus}, error = ${end.error},
      claim_until = 0, delivered_at = ${end.deliveredAt} WHERE id = ${row.id}`.compile(db.kysely),
    sql`UPDATE alert_channel SET failures_in_row = 0
      WHERE id = ${channelId} AND failures_in_row > 0 AND ${Number(isThere)}`.compile(db.kysely),
  ]);
  return { ...toDelivery({ ...row, ...end }), answer };
}
