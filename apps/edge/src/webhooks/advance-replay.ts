import { type RawBuilder, sql } from "kysely";
import type { ReplayTable } from "../db/tables/deliveries.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import { beginsWith, deliveryJobs, idsOfBatch } from "../outbound/delivery.ts";
import type { Services } from "../services.ts";
import { eventsWithEndpoints, isSubscribed } from "./fan-out.ts";
import { replaySettings } from "./present-replay.ts";

/** How long one worker holds the lease of a replay. */
const leaseMs = 60_000;
/** One transaction looks at so many events. */
const eventsAtOnce = 1_000;
/** While a webhook has so many deliveries that wait, its replays wait, too. */
const mostWaiting = 2_000;
const waitMs = 15_000;

type OpenReplay = Pick<ReplayTable, "id" | "workspaceId" | "endpointId" | "untilSeq" | "settings"> & {
  leasedUntil: number;
};

/** Queues the next events of a replay, so many rounds of it. @returns true if more work is left now */
export async function advanceReplay(services: Services, id: string, rounds: number): Promise<boolean> {
  const { db, now, log } = services;
  const replay = await takeReplay(services, id);
  if (!replay) return false;
  let next: number | null = now().getTime();
  try {
    for (let round = 0; round < rounds; round++) {
      next = await queueSome(services, replay);
      if (next === null || next > now().getTime()) break;
    }
  } catch (error) {
    next = now().getTime() + waitMs;
    log(`${id} is tried again later`, error);
  }
  if (next === null) return false;
  await db.kysely.executeQuery(
    sql`UPDATE replay SET due_at = ${next} WHERE id = ${id} AND due_at = ${replay.leasedUntil}`.compile(db.kysely),
  );
  return next <= now().getTime();
}

/** Takes a replay that is due; undefined if it is not. */
async function takeReplay({ db, now }: Services, id: string): Promise<OpenReplay | undefined> {
  const at = now().getTime();
  const leasedUntil = at + leaseMs;
  const { rows } = await db.kysely.executeQuery(
    sql<Omit<OpenReplay, "leasedUntil">>`UPDATE replay SET due_at = ${leasedUntil} WHERE id = ${id} AND due_at <= ${at}
      RETURNING id, workspace_id, endpoint_id, until_seq, settings`.compile(db.kysely),
  );
  return rows[0] && { ...rows[0], leasedUntil };
}

/** In SQL whether endpoint `p` has such a delivery `d` of event `e`. */
const ofEvent = (which: RawBuilder<unknown>) =>
  sql`EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = p.id AND d.subject_id = e.id AND ${which})`;

/**
 * Stores the deliveries of the next events and how far the replay is, in one transaction: so each event is queued once in a
 * replay. Answers when it goes on; null when it has finished.
 */
async function queueSome(services: Services, replay: OpenReplay): Promise<number | null> {
  const { db, now } = services;
  const { id, workspaceId, endpointId, untilSeq, leasedUntil } = replay;
  const { createdAfter, createdBefore, types, status, times } = replaySettings(replay);
  const at = now().getTime();
  const start = idsOfBatch(services, at);
  const { rows: waiting } = await db.kysely.executeQuery(
    sql`SELECT 1 FROM delivery INDEXED BY delivery_status WHERE endpoint_id = ${endpointId} AND status = 'queued'
      LIMIT ${mostWaiting}`.compile(db.kysely),
  );
  if (waiting.length >= mostWaiting) return at + waitMs;
  // Without the lease there are none.
  const own = sql`replay WHERE id = ${id} AND due_at = ${leasedUntil}`;
  const looked = sql`SELECT seq FROM event WHERE workspace_id = ${workspaceId} AND seq > (SELECT after_seq FROM ${own})
    AND seq <= ${untilSeq} ORDER BY seq LIMIT ${eventsAtOnce}`;
  const isAsked = sql<boolean>`p.id = ${endpointId} AND e.at >= ${Date.parse(createdAfter)}
    AND e.at < ${Date.parse(createdBefore)} AND NOT ${ofEvent(sql`d.status = 'queued'`)}
    ${status === "failed" ? sql`AND ${ofEvent(sql`d.status = 'failed'`)} AND NOT ${ofEvent(sql`d.status = 'delivered'`)}` : sql``}`;
  const isOfType = types === null ? sql`true` : sql`shown IN (${sql.join(types)})`;
  const { moved, published } = await db.write({
    deliveries: sql`INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, type, event_seq, times,
        is_replay, content, created_at)
      SELECT ${start} || printf('%06x', row_number() OVER (ORDER BY seq)), workspace_id, endpoint_id, id, shown, seq, ${times}, 1, '{}', ${at}
      FROM (${eventsWithEndpoints(looked, isAsked)}) WHERE ${isSubscribed} AND ${isOfType} ORDER BY seq
      ON CONFLICT (endpoint_id, subject_id, type, times) DO NOTHING`,
    moved: sql<
      Pick<ReplayTable, "finishedAt">
    >`WITH looked AS (SELECT count(*) AS many, max(seq) AS last FROM (${looked}))
      UPDATE replay SET count = count + changes(),
        after_seq = (SELECT coalesce(last, ${untilSeq}) FROM looked),
        finished_at = (SELECT iif(many < ${eventsAtOnce}, ${at}, NULL) FROM looked),
        due_at = (SELECT iif(many < ${eventsAtOnce}, NULL, due_at) FROM looked)
      WHERE id = ${id} AND due_at = ${leasedUntil} RETURNING finished_at`,
    jobs: appendJob(db, deliveryJobs, { which: beginsWith(start), at }),
    published: selectJobs(db, deliveryJobs, sql`SELECT id FROM delivery WHERE ${beginsWith(start)}`),
  });
  publishSoon(services, deliveryJobs, published.rows);
  const [row] = moved.rows;
  return row?.finishedAt === null ? at : null;
}
