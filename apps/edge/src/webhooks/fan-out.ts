import { typesOnlyByName } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { lastDue, nextDueAt } from "../feed/due-events.ts";
import { appendJob } from "../jobs/append-job.ts";
import { firstPublishMs } from "../jobs/kind.ts";
import { publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import { typesWithoutLookup } from "../messages/shown-events.ts";
import { beginsWith, canSend, deliveryJobs, idsOfBatch, isHead } from "../outbound/delivery.ts";
import { dayMs } from "../retention.ts";
import type { Services } from "../services.ts";

const onlyByName = JSON.stringify(typesOnlyByName);
/** One transaction stores about so many deliveries at most, and takes so many events. */
const mostDeliveries = 2_000;
const mostEvents = 500;
const mostRounds = 50;
/** Cron does not look at the deliveries of a paused endpoint until it is resumed. After this time none is left. */
const heldMs = 91 * dayMs;
const mostWorkspaces = 200;

/** True in SQL of a `webhook_position` with events behind it. */
const isBehind = sql<boolean>`EXISTS (SELECT 1 FROM event e WHERE e.workspace_id = webhook_position.workspace_id
  AND e.seq > webhook_position.seq)`;

/** The workspaces of these sessions, and whether they have webhooks and events whose deliveries are not stored. */
export const workspacesOfSessions = ({ kysely }: Db, sessionIds: readonly string[]) =>
  sql<{ workspaceId: string; isBehind: 0 | 1 }>`SELECT DISTINCT workspace_id, EXISTS (SELECT 1 FROM webhook_position
      WHERE webhook_position.workspace_id = session.workspace_id AND ${isBehind}) AS is_behind
    FROM session WHERE id IN (SELECT value FROM json_each(${JSON.stringify([...new Set(sessionIds)])}))`.compile(
    kysely,
  );

/** Stores the deliveries of these workspaces' new events in the background of the answer. Cron does what is left. */
export function fanOutSoon(services: Services, workspaceIds: readonly string[]): void {
  if (workspaceIds.length === 0) return;
  const work = async () => {
    for (const workspaceId of workspaceIds) {
      const dueAt = await fanOut(services, workspaceId);
      if (dueAt === null) continue;
      await services.sleep(dueAt - services.now().getTime());
      await fanOut(services, workspaceId);
    }
  };
  services.waitUntil(work().catch((error: unknown) => services.log("events wait until cron delivers them", error)));
}

/** The same for all workspaces. */
export async function fanOutBehind(services: Services): Promise<void> {
  const { rows } = await services.db.kysely.executeQuery(
    sql<{ workspaceId: string }>`SELECT workspace_id FROM webhook_position WHERE ${isBehind}
      ORDER BY random() LIMIT ${mostWorkspaces}`.compile(services.db.kysely),
  );
  for (const { workspaceId } of rows) {
    await fanOut(services, workspaceId).catch((error: unknown) =>
      services.log(`events of ${workspaceId} wait until cron delivers them`, error),
    );
  }
}

/**
 * Stores a delivery of each new event for each endpoint of the workspace that subscribes to it, and publishes them. The
 * position moves in the same transaction, so an endpoint gets an event once, however often this runs or dies. Answers when
 * the next event may be shown, if one waits for its time.
 */
export async function fanOut(services: Services, workspaceId: string): Promise<number | null> {
  for (let round = 0; round < mostRounds; round++) {
    const { more, dueAt } = await fanOutSome(services, workspaceId);
    if (!more) return dueAt;
  }
  return null;
}

/** Answers whether there may be more events now, and when the next one may be shown. */
async function fanOutSome(services: Services, workspaceId: string): Promise<{ more: boolean; dueAt: number | null }> {
  const { db, now } = services;
  const at = now().getTime();
  const start = idsOfBatch(services, at);
  const position = sql`(SELECT seq FROM webhook_position WHERE workspace_id = ${workspaceId})`;
  const most = sql`(SELECT max(1, min(${mostEvents}, CAST(${mostDeliveries} / max(1, count(*)) AS INTEGER))) FROM endpoint
    WHERE workspace_id = ${workspaceId} AND topic = 'event')`;
  const due = sql`SELECT seq FROM event WHERE workspace_id = ${workspaceId} AND seq > ${position}
    AND seq <= ${lastDue(workspaceId, at)} ORDER BY seq LIMIT ${most}`;
  const results = await db.write({
    deliveries: sql`INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, type, event_seq, lane, content,
        created_at)
      SELECT ${start} || printf('%06x', row_number() OVER (ORDER BY seq, endpoint_id)), workspace_id, endpoint_id, id, shown, seq,
        iif(is_ordered, coalesce(session_id, ''), NULL), '{}', ${at}
      FROM (${eventsWithEndpoints(due, sql`p.from_seq < e.seq`)}) WHERE ${isSubscribed} ORDER BY seq, endpoint_id
      ON CONFLICT (endpoint_id, subject_id, type, times) DO NOTHING`,
    jobs: appendJob(db, deliveryJobs, {
      which: sql`${beginsWith(start)} AND ${isHead}`,
      at,
      publishAfter: sql`iif(${canSend}, ${at + firstPublishMs}, ${at + heldMs})`,
    }),
    moved: sql<{
      more: 0 | 1;
      dueAt: number | null;
    }>`UPDATE webhook_position SET seq = max(seq, coalesce((SELECT max(seq) FROM (${due})), 0))
      WHERE workspace_id = ${workspaceId} RETURNING ${isBehind} AS more, ${nextDueAt(workspaceId, at)} AS due_at`,
    published: selectJobs(db, deliveryJobs, sql`SELECT id FROM delivery WHERE ${beginsWith(start)} AND ${canSend}`),
  });
  publishSoon(services, deliveryJobs, results.published.rows);
  const { more = 0, dueAt = null } = results.moved.rows[0] ?? {};
  return { more: more === 1 && dueAt === null, dueAt };
}

/** In SQL: the endpoint's key sees whether a number has an account. */
const seesAccounts = sql<boolean>`(p.created_by IS NULL OR EXISTS (SELECT 1 FROM api_key k, json_each(k.scopes) s
  WHERE k.id = p.created_by AND s.value = 'lookup:read'))`;

/** The type of event `e` as endpoint `p` sees it, in SQL. NULL: it does not see the event. */
function shownType() {
  const types = Object.entries(typesWithoutLookup).map(([type, shown]) => sql`WHEN ${type} THEN ${shown}`);
  return sql`CASE WHEN e.data ->> '$.reason' IS 'not_on_whatsapp' AND NOT ${seesAccounts}
    THEN CASE e.type ${sql.join(types, sql` `)} END ELSE e.type END`;
}

/** The kind of chat of event `e`, in SQL; NULL if it is about no chat. Only chats with people are merged. */
const chatKind = sql`iif(e.type = 'chat.merged', 'person', (SELECT coalesce(e.data ->> '$.chatKind',
    (SELECT r.data ->> '$.chatKind' FROM event r WHERE r.message_id = m.id AND r.verification_id IS NULL
      AND r.type = 'message.received' LIMIT 1),
    CASE WHEN m.to_masked = 'status' THEN 'status' WHEN m.to_masked LIKE '%@g.us' THEN 'group' ELSE 'person' END)
  FROM message m WHERE m.id = e.message_id))`;

/**
 * In SQL the events of these `seq`, each with the endpoints of its workspace and side.
 * @param which true for an endpoint `p` that may get the event `e`
 */
export const eventsWithEndpoints = (
  due: RawBuilder<unknown>,
  which: RawBuilder<boolean>,
) => sql`SELECT e.id, e.workspace_id, e.seq,
    nullif(e.session_id, '') AS session_id, ${shownType()} AS shown, p.id AS endpoint_id, p.settings, p.is_ordered,
    iif(p.settings ->> '$.chatKinds' IS NULL, NULL, ${chatKind}) AS chat_kind
  FROM event e CROSS JOIN endpoint p ON p.workspace_id = e.workspace_id AND p.topic = 'event' AND p.test = e.test
    AND ${which}
  WHERE e.seq IN (${due})`;

/** True in SQL of an event with an endpoint whose settings ask for it. */
export const isSubscribed = sql<boolean>`EXISTS (SELECT 1 FROM json_each(settings, '$.events') pattern WHERE
    shown = pattern.value OR (shown GLOB pattern.value AND shown NOT IN (SELECT value FROM json_each(${onlyByName}))))
  AND (settings ->> '$.sessionIds' IS NULL
    OR session_id IN (SELECT value FROM json_each(settings, '$.sessionIds')))
  AND (settings ->> '$.chatKinds' IS NULL
    OR chat_kind IN (SELECT value FROM json_each(settings, '$.chatKinds')))`;
