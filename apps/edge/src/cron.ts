import { type CompiledQuery, sql } from "kysely";
import type { MessageTable, SessionTable } from "./db/schema.ts";
import { idempotencyTtlMs } from "./http/idempotency.ts";
import { republishMs, sendJob } from "./messages/publish.ts";
import type { Job, Services } from "./services.ts";
import { sessionJob } from "./sessions/publish.ts";

const batchSize = 100;
const sweepSize = 500;
const dayMs = 24 * 3600_000;
const otpRetentionMs = 7 * dayMs;
const messageRetentionMs = 30 * dayMs;
/** A send under way when the message expires may still be confirmed: its event can be late by this much. */
const lateEventsMs = 120_000;
const atOnce = 5;

/** What the clock owes: jobs that were not published, ends that nobody asked about, rows that are old enough. */
export async function runCron(services: Services): Promise<{ published: number }> {
  await expire(services);
  const published = await publishWaiting(services);
  await sweep(services);
  return { published };
}

async function publishWaiting(services: Services): Promise<number> {
  const { db } = services;
  const now = services.now().getTime();
  const [messages, sessions] = await db.write([
    sql<Pick<MessageTable, "id" | "sessionId" | "expiresAt" | "publishCount">>`UPDATE message
      SET publish_count = publish_count + 1, publish_after = ${now + republishMs}
      WHERE id IN (SELECT id FROM message WHERE publish_after <= ${now} AND expires_at > ${now}
        AND (status = 'queued' OR (status = 'sending' AND claim_until < ${now}))
        AND status IN ('queued', 'sending') ORDER BY publish_after LIMIT ${batchSize})
      RETURNING id, session_id, expires_at, publish_count`.compile(db.kysely),
    sql<SessionTable>`UPDATE session SET publish_count = publish_count + 1, publish_after = ${now + republishMs}
      WHERE id IN (SELECT id FROM session WHERE acked_revision < revision AND publish_after <= ${now}
        ORDER BY publish_after LIMIT ${batchSize}) RETURNING *`.compile(db.kysely),
  ]);
  const jobs: Job[] = [...messages.rows.map(sendJob), ...sessions.rows.map(sessionJob)];
  let published = 0;
  for (let at = 0; at < jobs.length; at += atOnce) {
    const outcomes = await Promise.allSettled(jobs.slice(at, at + atOnce).map((job) => services.publish(job)));
    const refused = outcomes.find((outcome) => outcome.status === "rejected");
    published += outcomes.filter(({ status }) => status === "fulfilled").length;
    if (refused) {
      services.log(`QStash did not take every job; the rest waits ${republishMs / 1000} s`, refused.reason);
      break;
    }
  }
  return published;
}

async function expire({ db, now }: Services): Promise<void> {
  const at = now().getTime();
  await db.write([
    sql`UPDATE message SET status = 'failed', failure = 'expired', sealed = NULL, updated_at = ${at}
      WHERE id IN (SELECT id FROM message WHERE status IN ('queued', 'sending') AND expires_at <= ${at}
        AND (status = 'queued' OR (claim_until <= ${at} AND expires_at <= ${at - lateEventsMs}))
        LIMIT ${sweepSize})`.compile(db.kysely),
    sql`UPDATE verification SET status = 'expired', code_mac = NULL, sealed_code = NULL, updated_at = ${at}
      WHERE id IN (SELECT id FROM verification WHERE status = 'pending' AND expires_at <= ${at}
        LIMIT ${sweepSize})`.compile(db.kysely),
  ]);
}

async function sweep({ db, now }: Services): Promise<void> {
  const at = now().getTime();
  const old = at - otpRetentionMs;
  const statements: CompiledQuery[] = [
    sql`DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency
      WHERE created_at <= ${at - idempotencyTtlMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM verification WHERE id IN (SELECT id FROM verification
      WHERE created_at <= ${old} AND status <> 'pending' LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM message WHERE id IN (SELECT id FROM message WHERE verification_id IS NOT NULL
      AND created_at <= ${old} AND status NOT IN ('queued', 'sending') LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM message WHERE id IN (SELECT id FROM message WHERE verification_id IS NULL
      AND created_at <= ${at - messageRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
  await db.write(statements);
}
