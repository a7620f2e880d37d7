import { type CompiledQuery, sql } from "kysely";
import { dayMs, keptDays, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { deliveryIdsFrom, deliveryJobs, deliveryLifeMs } from "./delivery.ts";
import type { Topic } from "./topic.ts";

const keptMs = 30 * dayMs;
const mostDays = 90;
/** The statistics of an endpoint live as long as the longest of its deliveries. */
const hoursMs = (mostDays + 1) * dayMs;

/** Deliveries that did not succeed in time fail; old ones are deleted, those of events when their workspace says so. */
export function sweepDeliveries({ db, now }: Services, topics: readonly Topic[]): CompiledQuery[] {
  const at = now().getTime();
  const kept = topics.flatMap(({ isKept }) => isKept ?? []);
  const days = keptDays("deliveries", { usual: 30, most: mostDays });
  return [
    sql`UPDATE delivery SET status = 'failed', error = 'expired' WHERE id IN (SELECT id FROM delivery
      WHERE status = 'queued' AND event_seq IS NULL AND created_at <= ${at - deliveryLifeMs} AND NOT EXISTS (SELECT 1 FROM job
        WHERE kind = ${deliveryJobs.name} AND subject_id = delivery.id AND publish_after > ${at})
      LIMIT ${sweepSize})`,
    sql`DELETE FROM delivery WHERE id IN (SELECT delivery.id FROM endpoint p
      CROSS JOIN delivery ON delivery.endpoint_id = p.id AND delivery.id < ${deliveryIdsFrom(at - keptMs)}
      WHERE p.topic = 'alert' AND NOT (${kept.length === 0 ? sql`false` : sql.join(kept, sql` OR `)}) LIMIT ${sweepSize})`,
    sql`DELETE FROM delivery WHERE id IN (SELECT d.id FROM workspace w
      CROSS JOIN endpoint p ON p.workspace_id = w.id AND p.topic = 'event'
      CROSS JOIN delivery d ON d.endpoint_id = p.id AND d.id < ${deliveryIdsFrom(sql`(${at} - ${days} * ${dayMs})`)}
      LIMIT ${sweepSize})`,
    sql`DELETE FROM endpoint_hour WHERE endpoint_id IN (SELECT id FROM endpoint) AND hour < ${at - hoursMs}`,
  ].map((statement) => statement.compile(db.kysely));
}
