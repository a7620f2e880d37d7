import { type CompiledQuery, sql } from "kysely";
import { sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { deliveryIdsFrom, deliveryJobs, deliveryLifeMs } from "./delivery.ts";
import type { Topic } from "./topic.ts";

const keptMs = 30 * 24 * 3600_000;

/** Deliveries that did not succeed in time fail; old ones are deleted. */
export function sweepDeliveries({ db, now }: Services, topics: readonly Topic[]): CompiledQuery[] {
  const at = now().getTime();
  const kept = topics.flatMap(({ isKept }) => isKept ?? []);
  return [
    sql`UPDATE delivery SET status = 'failed', error = 'expired' WHERE id IN (SELECT id FROM delivery
      WHERE status = 'queued' AND event_seq IS NULL AND created_at <= ${at - deliveryLifeMs} AND NOT EXISTS (SELECT 1 FROM job
        WHERE kind = ${deliveryJobs.name} AND subject_id = delivery.id AND publish_after > ${at})
      LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE id < ${deliveryIdsFrom(at - keptMs)}
      AND NOT (${kept.length === 0 ? sql`false` : sql.join(kept, sql` OR `)}) LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
