import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EventTable } from "../db/tables/messages.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import {
  appendDeliveryJobs,
  deliveryJobs,
  type DeliveryToPublish,
  newDeliveryId,
  type NewDeliveries,
} from "../outbound/delivery.ts";
import type { Topic } from "../outbound/topic.ts";
import type { Services } from "../services.ts";
import { iso } from "../time.ts";
import { typesWithoutLookup } from "../messages/shown-events.ts";

/** Events. An endpoint's settings have `events`: types such as `message.failed`, or patterns such as `message.*`. */
export const eventTopic: Topic = {
  name: "event",
  compose(_services, { type, content }) {
    if (type === "test") return { type: "webhook.test", text: "This is a test of Sandi's webhooks.", data: {} };
    const event = JSON.parse(content) as Pick<EventTable, "at">;
    return { type, text: type, data: { ...event, at: iso(event.at) } };
  },
};

/** Cron looks at the events of so long again. */
const recentMs = 180_000;
const mostAtOnce = 1_000;

/** In SQL: the endpoint's key sees whether a number has an account. */
const seesAccounts = sql<boolean>`(p.created_by IS NULL OR EXISTS (SELECT 1 FROM api_key k, json_each(k.scopes) s
  WHERE k.id = p.created_by AND s.value = 'lookup:read'))`;
const isOfNoAccount = sql<boolean>`e.data ->> '$.reason' IS 'not_on_whatsapp'`;

const isTest = sql<boolean>`coalesce((SELECT test FROM message WHERE id = e.message_id),
  (SELECT test FROM verification WHERE id = e.verification_id), 0)`;

/**
 * Stores a delivery for each endpoint that subscribes to one of these events. It stands in the batch that writes the events,
 * after them. An event has one delivery to an endpoint, however often this runs.
 * @param at the deliveries' time
 * @param times when the events happened: a list, or the time since when
 */
export function deliverEvents(
  db: Db,
  { at, times }: { at: number; times: readonly number[] | { since: number } },
): NewDeliveries {
  const happened = "since" in times ? sql`e.at > ${times.since}` : sql`e.at IN (${sql.join([...new Set(times)])})`;
  const types = Object.entries(typesWithoutLookup).map(([type, shown]) => sql`WHEN ${type} THEN ${shown}`);
  const type = sql`CASE WHEN ${isOfNoAccount} AND NOT ${seesAccounts}
    THEN CASE e.type ${sql.join(types, sql` `)} END ELSE e.type END`;
  const data = sql`CASE WHEN ${isOfNoAccount} AND NOT ${seesAccounts} THEN '{}' ELSE e.data END`;
  return {
    deliveries: sql<DeliveryToPublish>`WITH shown AS (
        SELECT e.id, e.workspace_id, e.message_id, e.verification_id, nullif(e.session_id, '') AS session_id, e.at,
          p.id AS endpoint_id, p.settings, ${isTest} AS test, ${type} AS type, ${data} AS data
        FROM event e CROSS JOIN endpoint p ON p.workspace_id = e.workspace_id AND p.topic = 'event'
        WHERE ${happened} AND e.at >= p.created_at
          AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = p.id AND d.subject_id = e.id))
      INSERT OR IGNORE INTO delivery (id, workspace_id, endpoint_id, subject_id, type, content, created_at)
      SELECT ${newDeliveryId(at)}, workspace_id, endpoint_id, id, type, json_object('id', id, 'workspaceId', workspace_id,
        'sessionId', session_id, 'messageId', message_id, 'verificationId', verification_id, 'at', at, 'test', json(iif(test, 'true', 'false')),
        'data', json(data)), ${at}
      FROM shown WHERE EXISTS (SELECT 1 FROM json_each(settings, '$.events') WHERE shown.type GLOB value) LIMIT ${mostAtOnce}
      RETURNING id, endpoint_id, 1 AS publish_count`.compile(db.kysely),
    jobs: appendDeliveryJobs(db, at),
  };
}

/** The same for the events of batches that leave it to cron. */
export async function deliverRecentEvents(services: Services): Promise<void> {
  const { db, now } = services;
  const at = now().getTime();
  const { deliveries } = await db.write(deliverEvents(db, { at, times: { since: at - recentMs } }));
  publishSoon(services, deliveryJobs, deliveries.rows);
}
