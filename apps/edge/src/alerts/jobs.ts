import { type CompiledQuery, sql } from "kysely";
import { appendJob } from "../jobs/append-job.ts";
import type { AlertDeliveryTable, Db } from "../db/schema.ts";
import type { JobKind } from "../jobs/kind.ts";

/** A new id, in SQL: all of them sort by time among each other. */
export const newDeliveryId = (at: number) => sql`'dlv_' || printf('%012x', ${at}) || lower(hex(randomblob(7)))`;

/** A delivery that was not made within a day is not made any more. */
export const deliveryLifeMs = 24 * 3600_000;

type Delivery = Pick<AlertDeliveryTable, "channelId">;

/** A stored delivery whose job is to be published. */
export interface AlertToPublish extends Delivery {
  id: string;
  publishCount: number;
}

/** Brings an alert to its channel, unless the channel is paused; tests go to paused ones too. */
export const alertJobs: JobKind<Delivery> = {
  name: "alert",
  priority: 4,
  subject: "alert_delivery",
  columns: sql`alert_delivery.channel_id`,
  expiresAt: () => sql`alert_delivery.created_at + ${deliveryLifeMs}`,
  isWanted: () => sql`alert_delivery.status = 'queued'`,
  isReady: () => sql`EXISTS (SELECT 1 FROM alert_channel c WHERE c.id = alert_delivery.channel_id
    AND (c.paused_at IS NULL OR alert_delivery.what = 'test'))`,
  backOff: { quickPublishes: 1, longestMs: 3600_000 },
  toJob: ({ id, channelId, publishCount }) => ({
    kind: "alert",
    body: { deliveryId: id },
    deduplicationId: `${id}.${publishCount}`,
    flowKey: channelId,
  }),
};

/** The jobs of the deliveries that the same batch has stored at this time; ids begin with the time. */
export const appendAlertJobs = (db: Db, at: number): CompiledQuery =>
  appendJob(db, alertJobs, {
    which: sql`alert_delivery.id BETWEEN 'dlv_' || printf('%012x', ${at}) AND 'dlv_' || printf('%012x', ${at}) || 'z'
      AND alert_delivery.status = 'queued'`,
    at,
  });
