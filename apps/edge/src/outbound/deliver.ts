import { sql } from "kysely";
import { deferJobs, idsOf } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import type { Services } from "../services.ts";
import { claimDelivery } from "./claim.ts";
import { deliveryJobs } from "./delivery.ts";
import type { Outcome } from "./outcome.ts";
import { send } from "./send.ts";
import type { Claimed, Topic } from "./topic.ts";

/** An endpoint that fails so often in a row is paused. */
const mostFailures = 20;
/** For so long QStash repeats a delivery that did not succeed. */
const retryingMs = 600_000;

/** Sends one delivery; undefined when there is nothing to do, `busy` while another request sends it. */
export async function deliver(
  services: Services,
  topics: readonly Topic[],
  id: string,
): Promise<Outcome | "busy" | undefined> {
  const delivery = await claimDelivery(services, id);
  if (delivery === undefined || delivery === "busy") return delivery;
  const topic = topics.find(({ name }) => name === delivery.topic);
  if (!topic) throw new Error(`no feature sends deliveries of the topic ${delivery.topic}`);
  const { outcome } = await send(services, delivery, await topic.compose(services, delivery));
  await recordOutcome(services, topics, { delivery, outcome });
  return outcome;
}

interface Sent {
  delivery: Claimed;
  outcome: Outcome;
}

/** Stores the outcome. Too many failures in a row pause the endpoint. */
async function recordOutcome(services: Services, topics: readonly Topic[], { delivery, outcome }: Sent): Promise<void> {
  const { db, now } = services;
  const at = now().getTime();
  const { id, endpointId } = delivery;
  const { kind, status } = outcome;
  const error = kind === "delivered" ? null : outcome.error;
  const own = [
    sql`UPDATE delivery SET status = ${kind === "retry" ? "queued" : kind}, last_status = ${status},
        error = ${error}, claim_until = 0, delivered_at = ${kind === "delivered" ? at : null}
      WHERE id = ${id} AND status = 'queued'`,
    // While QStash repeats the delivery, cron does not publish it.
    ...(kind === "retry"
      ? [deferJobs(db, [deliveryJobs], { ids: idsOf([id]), until: at + outcome.retryAfterSeconds * 1000 + retryingMs })]
      : []),
  ];
  if (kind === "delivered") {
    await db.write([
      own,
      sql`UPDATE endpoint SET failures_in_row = 0 WHERE id = ${endpointId} AND failures_in_row > 0`,
    ]);
    return;
  }
  // A target that is busy is not broken.
  if (error === "rate_limited") {
    await db.write(own);
    return;
  }
  const { followUps } = await db.write({
    own,
    counted: sql`UPDATE endpoint SET failures_in_row = failures_in_row + 1 WHERE id = ${endpointId}`,
    paused: sql`UPDATE endpoint SET paused_at = ${at}, paused_because = 'failures', updated_at = ${at}
      WHERE id = ${endpointId} AND paused_at IS NULL AND failures_in_row >= ${mostFailures}`,
    followUps: topics.flatMap(({ onFailure }) => onFailure?.(db, { endpointId, at }) ?? []),
  });
  publishSoon(
    services,
    deliveryJobs,
    followUps.flatMap(({ reports }) => reports.deliveries.rows),
  );
}
