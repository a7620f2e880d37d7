import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import { appendJob } from "../jobs/append-job.ts";
import type { JobKind } from "../jobs/kind.ts";
import type { Services } from "../services.ts";

/** The lowest id of a delivery of this time: ids begin with 48 bits of milliseconds. */
export const deliveryIdAt = (ms: number) => `dlv_${Math.max(0, ms).toString(16).padStart(12, "0")}`;

/** A new id, in SQL. Ids sort by time. */
export const newDeliveryId = (at: number) => sql`${deliveryIdsFrom(at)} || lower(hex(randomblob(7)))`;

/** The beginning of the ids of this time, in SQL. */
export const deliveryIdsFrom = (at: number | RawBuilder<unknown>) => sql`'dlv_' || printf('%012x', ${at})`;

/** The beginning of the ids of one transaction, in SQL: they sort by the order in which it stores the deliveries. */
export const idsOfBatch = ({ random }: Pick<Services, "random">, at: number) =>
  sql`(${deliveryIdsFrom(at)} || ${random(4).toHex()})`;

/** A delivery that did not succeed within a day is not repeated. */
export const deliveryLifeMs = 24 * 3600_000;

type Delivery = Pick<DeliveryTable, "endpointId" | "attempts" | "nextAttemptAt">;

/** A stored delivery whose job is to be published. */
export interface DeliveryToPublish extends Delivery {
  id: string;
  publishCount: number;
}

/** Statements of a batch: the first stores deliveries and answers them, the second stores their jobs. */
export type NewDeliveries = {
  deliveries: CompiledQuery<DeliveryToPublish>;
  jobs: CompiledQuery;
};

/** The columns of a new delivery that its publish needs, in SQL. */
export const toPublish = sql`id, endpoint_id, attempts, next_attempt_at, 1 AS publish_count`;

/** True in SQL of a `delivery` whose endpoint takes it now. Tests are also sent to paused endpoints. */
export const canSend = sql<boolean>`EXISTS (SELECT 1 FROM endpoint WHERE endpoint.id = delivery.endpoint_id
  AND (endpoint.paused_at IS NULL OR delivery.type = 'test'))`;

/** Sends a delivery, unless its endpoint is paused. */
export const deliveryJobs: JobKind<Delivery> = {
  name: "delivery",
  priority: 4,
  subject: "delivery",
  columns: sql`delivery.endpoint_id, delivery.attempts, delivery.next_attempt_at`,
  // A delivery of an event ends by itself, or waits while its endpoint is paused.
  expiresAt: () => sql`iif(delivery.event_seq IS NULL, delivery.created_at + ${deliveryLifeMs}, NULL)`,
  isWanted: () => sql`delivery.status = 'queued'`,
  isReady: (at) => sql`(delivery.next_attempt_at <= ${at} AND ${canSend})`,
  backOff: { quickPublishes: 1, longestMs: 3600_000 },
  toJob: ({ id, endpointId, attempts, nextAttemptAt, publishCount }) => ({
    kind: "delivery",
    body: { deliveryId: id },
    deduplicationId: `${id}.${attempts}.${publishCount}`,
    flowKey: endpointId,
    ...(nextAttemptAt > 0 ? { notBefore: nextAttemptAt } : {}),
  }),
};

/** In SQL the id of the oldest delivery of a lane that has not ended. */
export const headOf = ({ endpointId, lane }: { endpointId: RawBuilder<unknown>; lane: RawBuilder<unknown> }) =>
  sql`(SELECT head.id FROM delivery head WHERE head.endpoint_id = ${endpointId} AND head.lane = ${lane}
    AND head.status = 'queued' ORDER BY head.event_seq LIMIT 1)`;

/** True in SQL of a `delivery` that waits for no other one of its lane. */
export const isHead = sql<boolean>`(delivery.lane IS NULL
  OR delivery.id = ${headOf({ endpointId: sql`delivery.endpoint_id`, lane: sql`delivery.lane` })})`;

/** The jobs of the deliveries that the same batch has stored at this time; ids begin with the time. */
export const appendDeliveryJobs = (db: Db, at: number): CompiledQuery =>
  appendJob(db, deliveryJobs, {
    which: sql`${beginsWith(deliveryIdsFrom(at))} AND delivery.status = 'queued' AND ${isHead}`,
    at,
  });

/** True in SQL of a `delivery` whose id begins so. */
export const beginsWith = (start: RawBuilder<unknown>) =>
  sql<boolean>`delivery.id BETWEEN ${start} AND ${start} || 'z'`;
