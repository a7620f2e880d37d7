import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import { appendJob } from "../jobs/append-job.ts";
import type { JobKind } from "../jobs/kind.ts";

/** A new id, in SQL. Ids sort by time. */
export const newDeliveryId = (at: number) => sql`${deliveryIdsFrom(at)} || lower(hex(randomblob(7)))`;

/** The beginning of the ids of this time, in SQL. */
export const deliveryIdsFrom = (at: number) => sql`'dlv_' || printf('%012x', ${at})`;

/** A delivery that did not succeed within a day is not repeated. */
export const deliveryLifeMs = 24 * 3600_000;

type Delivery = Pick<DeliveryTable, "endpointId">;

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

/** True in SQL of a `delivery` whose endpoint takes it now. Tests are also sent to paused endpoints. */
export const canSend = sql<boolean>`EXISTS (SELECT 1 FROM endpoint WHERE endpoint.id = delivery.endpoint_id
  AND (endpoint.paused_at IS NULL OR delivery.type = 'test'))`;

/** Sends a delivery, unless its endpoint is paused. */
export const deliveryJobs: JobKind<Delivery> = {
  name: "delivery",
  priority: 4,
  subject: "delivery",
  columns: sql`delivery.endpoint_id`,
  expiresAt: () => sql`delivery.created_at + ${deliveryLifeMs}`,
  isWanted: () => sql`delivery.status = 'queued'`,
  isReady: () => canSend,
  backOff: { quickPublishes: 1, longestMs: 3600_000 },
  toJob: ({ id, endpointId, publishCount }) => ({
    kind: "delivery",
    body: { deliveryId: id },
    deduplicationId: `${id}.${publishCount}`,
    flowKey: endpointId,
  }),
};

/** The jobs of the deliveries that the same batch has stored at this time; ids begin with the time. */
export const appendDeliveryJobs = (db: Db, at: number): CompiledQuery =>
  appendJob(db, deliveryJobs, {
    which: sql`delivery.id BETWEEN ${deliveryIdsFrom(at)} AND ${deliveryIdsFrom(at)} || 'z' AND delivery.status = 'queued'`,
    at,
  });
