import { type AlertTest, AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { AlertDeliveryTable } from "../db/schema.ts";
import { commitAs } from "../writes/commit-as.ts";
import { appendJob } from "../jobs/append-job.ts";
import { firstPublishMs } from "../jobs/kind.ts";
import { callChannel } from "./call.ts";
import { claimMs } from "./deliver.ts";
import { alertJobs } from "./jobs.ts";
import { testMessage } from "./render.ts";
import { toDelivery } from "./repository.ts";

/** Sends a test to a channel, also to one that is paused, and answers what the target said; it is not repeated. */
export async function testChannel(ctx: Context, channelId: string): Promise<AlertTest> {
  const { services, actor } = ctx;
  const { db, now } = services;
  const { workspaceId } = actor;
  const at = now().getTime();
  // The same form as ids that SQL makes: deliveries sort by them.
  const random = Array.from(services.random(7), (byte) => byte.toString(16).padStart(2, "0"));
  const id = `dlv_${at.toString(16).padStart(12, "0")}${random.join("")}`;
  const committed = await commitAs(ctx, {
    writes: {
      delivery: sql`INSERT INTO alert_delivery (id, workspace_id, channel_id, what, times,
        content, attempts, claim_until, created_at)
      SELECT ${id}, ${workspaceId}, id, 'test', 1, '{}', 1, ${at + claimMs}, ${at}
      FROM alert_channel WHERE id = ${channelId} AND workspace_id = ${workspaceId}`,
      // If this request dies, the cron delivers the test.
      job: appendJob(db, alertJobs, {
        which: sql`alert_delivery.id = ${id}`,
        at,
        publishAfter: at + claimMs + firstPublishMs,
      }),
    },
    reads: {
      row: sql<AlertDeliveryTable & { target: string }>`SELECT d.*, c.target FROM alert_delivery d
        JOIN alert_channel c ON c.id = d.channel_id WHERE d.id = ${id}`,
    },
  });
  const [row] = committed.row;
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
