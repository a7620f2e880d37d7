import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { DeliveryTable, EndpointTable } from "../db/tables/deliveries.ts";
import { appendJob } from "../jobs/append-job.ts";
import { firstPublishMs } from "../jobs/kind.ts";
import { commitAs } from "../writes/commit-as.ts";
import { logAttempt } from "./attempts.ts";
import { claimMs } from "./claim.ts";
import { deliveryIdAt, deliveryJobs } from "./delivery.ts";
import { endFailures } from "./endpoint-health.ts";
import { send, type Sent } from "./send.ts";
import type { Topic } from "./topic.ts";

interface Tested {
  delivery: DeliveryTable;
  sent: Sent;
}

/**
 * Sends a test to an endpoint, also to a paused one, and does not repeat it. Answers the delivery with its outcome;
 * undefined: the workspace has no such endpoint.
 */
export async function testEndpoint(ctx: Context, topic: Topic, endpointId: string): Promise<Tested | undefined> {
  const { services, actor } = ctx;
  const { db, now } = services;
  const at = now().getTime();
  // The same form as ids that SQL makes: deliveries sort by them.
  const id = deliveryIdAt(at) + services.random(7).toHex();
  const committed = await commitAs(ctx, {
    writes: {
      delivery: sql`INSERT INTO delivery (id, workspace_id, endpoint_id, type, attempts, claim_until, created_at)
        SELECT ${id}, workspace_id, id, 'test', 1, ${at + claimMs}, ${at}
        FROM endpoint WHERE id = ${endpointId} AND workspace_id = ${actor.workspaceId}`,
      // If this request dies, the cron delivers the test.
      job: appendJob(db, deliveryJobs, {
        which: sql`delivery.id = ${id}`,
        at,
        publishAfter: at + claimMs + firstPublishMs,
      }),
    },
    reads: {
      row: sql<DeliveryTable & Pick<EndpointTable, "topic" | "target">>`SELECT d.*, e.topic, e.target FROM delivery d
        JOIN endpoint e ON e.id = d.endpoint_id WHERE d.id = ${id}`,
    },
  });
  const [row] = committed.row;
  if (!row) return undefined;
  const message = await topic.compose(services, row);
  if (!message) throw new Error("a test always has a message");
  const sent = await send(services, row, message);
  const { outcome } = sent;
  const isDelivered = outcome.kind === "delivered";
  const end = {
    status: isDelivered ? ("delivered" as const) : ("failed" as const),
    lastStatus: outcome.status,
    error: outcome.kind === "delivered" ? null : outcome.error,
    deliveredAt: isDelivered ? now().getTime() : null,
  };
  // A test that succeeds sets the count of failures to 0. One that fails is not counted: the caller sees it.
  await db.write([
    ...(await logAttempt(services, topic, { delivery: row, sent })),
    sql`UPDATE delivery SET status = ${end.status}, last_status = ${end.lastStatus}, error = ${end.error},
      claim_until = 0, delivered_at = ${end.deliveredAt} WHERE id = ${id}`,
    ...(isDelivered ? [endFailures(db, endpointId)] : []),
  ]);
  return { delivery: { ...row, ...end }, sent };
}
