import { runAlerts } from "./alerts/cron.ts";
import type { Pacing } from "@sandi/contracts";
import { sql } from "kysely";
import type { MessageTable, SessionTable } from "./db/schema.ts";
import { republishMs, sendJob } from "./messages/publish.ts";
import { pacingOfRow } from "./messages/repository.ts";
import { rerouteBehind } from "./messages/reroute.ts";
import { revokeJob } from "./messages/revoke.ts";
import { owesBy, settleSandbox } from "./messages/sandbox.ts";
import { hasMore, sweep, sweepSize } from "./retention.ts";
import type { Job, Services } from "./services.ts";
import { sessionJob } from "./sessions/publish.ts";
import { withoutSecrets } from "./verifications/secrets.ts";

/** What one request to QStash takes, and how many requests are made at once: Workers keep six connections open. */
const batchSize = 100;
const atOnce = 5;
const roundSize = batchSize * atOnce;
const longestWaitMs = 3600_000;
const quickPublishes = 4;
const longestSessionWaitMs = 300_000;
const expireRounds = 4;
const sweepRounds = 8;
/** A send under way when the message expires may still be confirmed: its event can be late by this much. */
const lateEventsMs = 120_000;

/**
 * What the clock owes: jobs that were not published, ends that nobody asked about, rows that are old enough. What fails
 * keeps nothing else from being done; the first failure is thrown behind it all.
 */
export async function runCron(services: Services): Promise<{ published: number }> {
  let published = 0;
  const duties: Record<string, () => Promise<unknown>> = {
    move: async () => (published += await moveWaiting(services)),
    publish: async () => (published += await publishWaiting(services)),
    revoke: () => revokeWaiting(services),
    rehearse: () => rehearse(services),
    alert: () => runAlerts(services),
    expire: () => repeat(expireRounds, () => expire(services)),
    sweep: () => repeat(sweepRounds, () => sweep(services)),
  };
  const failures: unknown[] = [];
  for (const [name, duty] of Object.entries(duties)) {
    await duty().catch((error: unknown) => {
      services.log(`the clock could not ${name}`, error);
      failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0];
  return { published };
}

/** What waits for senders that cannot send goes to others that can. */
async function moveWaiting(services: Services): Promise<number> {
  const { db, now } = services;
  const results = await db.write(rerouteBehind(db, now().getTime()));
  return publishAll(services, results.flatMap(({ rows }) => rows).map(sendJob));
}

type Waiting = Pick<MessageTable, "id" | "sessionId" | "expiresAt" | "publishCount" | "traceparent"> & {
  pacing: Pacing | null;
};

/** Sessions' wishes first, for nothing is sent without them; then codes, and texts behind them. */
async function publishWaiting(services: Services): Promise<number> {
  const { db, cronRounds } = services;
  const now = services.now().getTime();
  const isDue = sql`publish_after <= ${now} AND expires_at > ${now} AND status IN ('queued', 'sending')
    AND test = 0 AND (status = 'queued' OR claim_until < ${now})`;
  // Within a workspace what was tried least and ends soonest; the workspaces take turns.
  const [{ rows: due }, sessions] = await db.write([
    sql<{ id: string }>`SELECT id FROM (
        SELECT id, publish_count, verification_id IS NULL AS is_text, row_number() OVER (
          PARTITION BY workspace_id, verification_id IS NULL ORDER BY publish_count, expires_at) AS turn
        FROM message WHERE ${isDue})
      ORDER BY is_text, turn, publish_count LIMIT ${cronRounds * roundSize}`.compile(db.kysely),
    sql<SessionTable>`UPDATE session SET publish_count = publish_count + 1,
        publish_after = ${now} + ${backOff(longestSessionWaitMs)}
      WHERE id IN (SELECT id FROM session WHERE acked_revision < revision AND publish_after <= ${now}
        ORDER BY publish_count, publish_after LIMIT ${batchSize}) RETURNING *`.compile(db.kysely),
  ]);
  let published = await publishAll(services, sessions.rows.map(sessionJob));
  for (let at = 0; at < due.length; at += roundSize) {
    const ids = JSON.stringify(due.slice(at, at + roundSize).map(({ id }) => id));
    const [{ rows }] = await db.write([
      sql<Waiting>`UPDATE message SET publish_count = publish_count + 1,
          publish_after = ${now} + CASE WHEN verification_id IS NULL THEN ${backOff(longestWaitMs)} ELSE ${republishMs} END
        WHERE id IN (SELECT value FROM json_each(${ids})) AND ${isDue}
        RETURNING id, session_id, expires_at, publish_count, traceparent, ${pacingOfRow} AS pacing`.compile(db.kysely),
    ]);
    const taken = await publishAll(services, rows.map(sendJob));
    published += taken;
    if (taken < rows.length) break;
  }
  return published;
}

/** Twice as long after every publish that led to nothing, but for the first few: an outage of minutes is soon made up for. */
const backOff = (longestMs: number) =>
  sql`min(${longestMs}, ${republishMs} << max(0, min(publish_count - ${quickPublishes}, 10)))`;

/** Answers how many were taken; what was not waits for its next turn. */
async function publishAll(services: Services, jobs: Job[]): Promise<number> {
  const batches: Job[][] = [];
  for (let at = 0; at < jobs.length; at += batchSize) batches.push(jobs.slice(at, at + batchSize));
  const outcomes = await Promise.allSettled(batches.map((batch) => services.publishAll(batch)));
  const refused = outcomes.find((outcome) => outcome.status === "rejected");
  if (refused) services.log("QStash did not take every job; the rest waits for its next turn", refused.reason);
  return batches.reduce((sum, batch, i) => sum + (outcomes[i]?.status === "fulfilled" ? batch.length : 0), 0);
}

/** Until there is nothing left to do, within a bound. */
async function repeat(rounds: number, work: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < rounds; round++) if (!(await work())) return;
}

/** Answers whether there may be more. */
async function expire({ db, now }: Services): Promise<boolean> {
  const at = now().getTime();
  const results = await db.write([
    sql`UPDATE message SET status = 'failed', failure = 'expired', sealed = NULL, updated_at = ${at}
      WHERE id IN (SELECT id FROM message WHERE status IN ('queued', 'sending') AND expires_at <= ${at}
        AND (status = 'queued' OR (claim_until <= ${at} AND expires_at <= ${at - lateEventsMs}))
        LIMIT ${sweepSize})`.compile(db.kysely),
    sql`UPDATE verification SET status = 'expired', ${withoutSecrets}, updated_at = ${at}
      WHERE id IN (SELECT id FROM verification WHERE status = 'pending' AND expires_at <= ${at}
        LIMIT ${sweepSize})`.compile(db.kysely),
  ]);
  return results.some(hasMore);
}

/** Takes back what was to be taken back and nobody has confirmed. */
async function revokeWaiting(services: Services): Promise<void> {
  const { db } = services;
  const now = services.now().getTime();
  const [{ rows }] = await db.write([
    sql<Pick<MessageTable, "id" | "sessionId" | "revokeUntil" | "publishCount">>`UPDATE message
      SET publish_count = publish_count + 1, publish_after = ${now} + ${backOff(longestWaitMs)}
      WHERE id IN (SELECT id FROM message WHERE revoke_until > ${now} AND publish_after <= ${now}
        AND status IN ('sending', 'sent', 'delivered') ORDER BY publish_after LIMIT ${batchSize})
      RETURNING id, session_id, revoke_until, publish_count`.compile(db.kysely),
    sql`UPDATE message SET revoke_until = NULL WHERE id IN (SELECT id FROM message WHERE revoke_until <= ${now}
      LIMIT ${sweepSize})`.compile(db.kysely),
  ]);
  await publishAll(services, rows.map(revokeJob));
}

/** What the sandbox owes by now, for those who do not look. */
async function rehearse({ db, now }: Services): Promise<void> {
  const at = now().getTime();
  const { rows } = await db.kysely.executeQuery(
    sql<{
      workspaceId: string;
    }>`SELECT DISTINCT workspace_id FROM message WHERE ${owesBy(at)} LIMIT ${batchSize}`.compile(db.kysely),
  );
  if (rows.length === 0) return;
  await db.write([
    ...rows.map(({ workspaceId }) => settleSandbox(db, workspaceId, at)),
    sql`UPDATE message SET sandbox_steps = NULL WHERE sandbox_steps = '{}'`.compile(db.kysely),
  ]);
}
