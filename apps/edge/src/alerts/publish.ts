import { sql } from "kysely";
import type { AlertDeliveryTable } from "../db/schema.ts";
import type { Job, Services } from "../services.ts";

/** A new id, in SQL: all of them sort by time among each other. */
export const newDeliveryId = (at: number) => sql`'dlv_' || printf('%012x', ${at}) || lower(hex(randomblob(7)))`;

export type AlertToPublish = Pick<AlertDeliveryTable, "id" | "channelId" | "publishCount">;

export function alertJob({ id, channelId, publishCount }: AlertToPublish): Job {
  return { kind: "alert", body: { deliveryId: id }, deduplicationId: `${id}.${publishCount}`, flowKey: channelId };
}

/** Publishes beside the answer: the rows are the promise, so what is not taken is left to the cron. */
export function publishAlerts(services: Services, deliveries: readonly AlertToPublish[]): void {
  const { publish, publishAll, waitUntil, log } = services;
  const jobs = deliveries.map(alertJob);
  const [only] = jobs;
  if (only === undefined) return;
  const work = jobs.length === 1 ? publish(only) : publishAll(jobs.slice(0, 100));
  waitUntil(work.catch((error: unknown) => log(`${jobs.length} alerts were not published; cron will`, error)));
}
