import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { appendJob } from "../jobs/append-job.ts";
import { deleteDoneJobs } from "../jobs/delete-jobs.ts";
import { firstPublishMs } from "../jobs/kind.ts";
import { publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import type { Services } from "../services.ts";
import { logAttempt } from "./attempts.ts";
import { claim, claimMs } from "./claim.ts";
import { canSend, deliveryJobs, type DeliveryToPublish, headOf } from "./delivery.ts";
import { endFailures, failEndpoint } from "./endpoint-health.ts";
import { notSendable, type Outcome } from "./outcome.ts";
import type { Sent } from "./send.ts";
import type { Claimed, Topic } from "./topic.ts";

/** A retry that QStash did not deliver is published by cron this long after its time. */
const lostAfterMs = 30_000;

/** A delivery that was sent, or for which there was nothing to send. */
interface Attempt {
  delivery: Claimed;
  topic: Topic;
  /** Undefined: there was nothing to tell, and the delivery is deleted. */
  sent: Sent | undefined;
  /** The request has time for the next delivery of the lane. */
  goesOn: boolean;
}

/** Stores what an attempt led to, in one transaction. Answers the next delivery of the lane, which it has claimed. */
export async function recordAttempt(
  services: Services,
  topics: readonly Topic[],
  { delivery, topic, sent, goesOn }: Attempt,
): Promise<Claimed | undefined> {
  const { db, now } = services;
  const at = now().getTime();
  const outcome = sent?.outcome;
  const retryAt = outcome && retryAtOf(delivery, { topic, outcome, at });
  const isFailure = outcome !== undefined && outcome.kind !== "delivered";
  const failed =
    isFailure && !isTest(delivery) && outcome.error !== notSendable.error && !topic.isExcused?.(outcome)
      ? failEndpoint(db, topics, { delivery, topic, failure: outcome, at })
      : undefined;
  const results = await db.write({
    log: sent ? await logAttempt(services, topic, { delivery, sent }) : [],
    own: outcome
      ? endAttempt(db, delivery, { outcome, retryAt, at })
      : sql`DELETE FROM delivery WHERE id = ${delivery.id}`,
    health: failed?.counted ?? (outcome?.kind === "delivered" ? [endFailures(db, delivery.endpointId)] : []),
    reports: failed?.reports ?? [],
    queue:
      retryAt === undefined
        ? endedStatements(db, delivery, { goesOn, at })
        : retryStatements(db, delivery, { retryAt, at }),
  });
  publishSoon(services, deliveryJobs, [
    ...results.reports.flatMap(({ reports }) => reports.deliveries.rows),
    ...results.queue.publish.flatMap(({ rows }) => rows),
  ]);
  return results.queue.next[0]?.rows[0];
}

/** A test is not repeated, and its failure is not counted. */
const isTest = ({ type }: Claimed) => type === "test";

/** When the next attempt begins; undefined if there is none. */
function retryAtOf(
  delivery: Claimed,
  { topic, outcome, at }: { topic: Topic; outcome: Outcome; at: number },
): number | undefined {
  if (outcome.kind === "delivered" || isTest(delivery)) return undefined;
  const wait = topic.waitAfter(outcome, delivery.failures + 1);
  return wait === undefined ? undefined : at + wait;
}

function endAttempt(
  { kysely }: Db,
  { id }: Claimed,
  { outcome, retryAt, at }: { outcome: Outcome; retryAt: number | undefined; at: number },
): CompiledQuery {
  const isDelivered = outcome.kind === "delivered";
  const status = isDelivered ? "delivered" : retryAt === undefined ? "failed" : "queued";
  return sql`UPDATE delivery SET status = ${status}, last_status = ${outcome.status},
      error = ${isDelivered ? null : outcome.error}, claim_until = 0, delivered_at = ${isDelivered ? at : null},
      failures = failures + ${Number(!isDelivered)}, next_attempt_at = ${retryAt ?? 0}
    WHERE id = ${id} AND status = 'queued'`.compile(kysely);
}

// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature
type Queue = {
  jobs: CompiledQuery[];
  /** What is published now. */
  publish: CompiledQuery<DeliveryToPublish>[];
  /** Claims the next delivery of the lane. */
  next: CompiledQuery<Claimed>[];
};

/** QStash calls again at the time of the next attempt. */
function retryStatements(db: Db, { id }: Claimed, { retryAt, at }: { retryAt: number; at: number }): Queue {
  return {
    jobs: [appendJob(db, deliveryJobs, { which: sql`delivery.id = ${id}`, at, publishAfter: retryAt + lostAfterMs })],
    publish: [selectSendable(db, sql`${id}`)],
    next: [],
  };
}

/** The next delivery of the lane is sent by this request, or by a call of QStash. */
function endedStatements(
  db: Db,
  { id, endpointId, lane }: Claimed,
  { goesOn, at }: { goesOn: boolean; at: number },
): Queue {
  const done = deleteDoneJobs(db, [deliveryJobs], { ids: [id], at });
  if (lane === null) return { jobs: [done], publish: [], next: [] };
  const head = headOf({ endpointId: sql`${endpointId}`, lane: sql`${lane}` });
  // If this request dies, cron publishes the next one.
  const publishAfter = at + (goesOn ? claimMs : 0) + firstPublishMs;
  return {
    jobs: [done, appendJob(db, deliveryJobs, { which: sql`delivery.id = ${head}`, at, publishAfter })],
    publish: goesOn ? [] : [selectSendable(db, head)],
    next: goesOn ? [claim(db, head, at)] : [],
  };
}

const selectSendable = (db: Db, id: RawBuilder<unknown>) =>
  selectJobs(db, deliveryJobs, sql`SELECT id FROM delivery WHERE id = ${id} AND ${canSend}`);
