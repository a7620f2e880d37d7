import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { unsent, moveMessages } from "../messages/life.ts";
import { textJobs } from "../messages/jobs.ts";
import type { Services } from "../services.ts";
import { expandSome } from "./expand.ts";
import { type OpenBatch, returnBatch, takeBatch } from "./open-batch.ts";

/** One transaction holds or cancels so many messages. */
const chunk = 200;
/** A batch whose messages are all made is looked at again after this time, until they have ended. */
const lookAgainMs = 30_000;

/**
 * Does a batch's next work, so many rounds of it: makes messages, holds them, or cancels them, as its status asks.
 * @returns true if more work is left now
 */
export async function advance(services: Services, id: string, rounds: number): Promise<boolean> {
  const { db, now } = services;
  const {
    rows: [batch],
  } = await db.kysely.executeQuery(takeBatch(db, id, now().getTime()));
  if (!batch) return false;
  let next: number | null = now().getTime();
  try {
    for (let round = 0; round < rounds; round++) {
      const at = now().getTime();
      next = await work(services, batch, at);
      if (next === null || next > at) break;
    }
  } catch (error) {
    next = now().getTime() + lookAgainMs;
    services.log(`${id} is tried again later`, error);
  }
  await db.kysely.executeQuery(returnBatch(db, batch, next));
  return next !== null && next <= now().getTime();
}

/** One round. Answers when the next one is due. */
async function work(services: Services, batch: OpenBatch, at: number): Promise<number | null> {
  const { db } = services;
  if (batch.status === "paused") return (await hold(db, batch, at)) ? at : null;
  if (batch.status === "canceled") return (await cancel(db, batch, at)) ? at : null;
  const next = await expandSome(services, batch, at);
  if (next !== undefined) return next;
  return (await finish(db, batch, at)) ? null : at + lookAgainMs;
}

const some = (id: string, status: "queued" | "scheduled") =>
  sql<boolean>`message.id IN (SELECT m.id FROM message m INDEXED BY message_batch
    WHERE m.batch_id = ${id} AND m.status = ${status} LIMIT ${chunk})`;

const isFull = ({ numAffectedRows = 0n }: { numAffectedRows?: bigint }) => numAffectedRows >= BigInt(chunk);

/** A held message is scheduled for the time of its expiry: nothing queues it before, and then it expires. */
async function hold(db: Db, { id }: OpenBatch, at: number): Promise<boolean> {
  const { held } = await db.write({
    held: moveMessages(db, "hold", { which: some(id, "queued"), at, set: sql`due_at = expires_at` }),
    jobs: deleteJobs(db, id, "scheduled"),
  });
  return isFull(held);
}

async function cancel(db: Db, { id }: OpenBatch, at: number): Promise<boolean> {
  const { queued, held } = await db.write({
    queued: moveMessages(db, "cancel", { which: some(id, "queued"), at }),
    held: moveMessages(db, "unschedule", { which: some(id, "scheduled"), at, set: sql`due_at = NULL` }),
    jobs: deleteJobs(db, id, "canceled"),
  });
  return isFull(queued) || isFull(held);
}

const deleteJobs = (db: Db, id: string, status: "scheduled" | "canceled") =>
  sql`DELETE FROM job WHERE kind = ${textJobs.name} AND subject_id IN (SELECT m.id FROM message m INDEXED BY message_batch
    WHERE m.batch_id = ${id} AND m.status = ${status})`.compile(db.kysely);

/** Ends a batch all of whose messages have ended. Answers whether it has. */
async function finish(db: Db, { id, leasedUntil }: OpenBatch, at: number): Promise<boolean> {
  const finished = await db.kysely.executeQuery(
    sql`UPDATE batch SET status = 'finished', ended_at = ${at}, due_at = NULL, updated_at = ${at}, sealed_message = NULL
      WHERE id = ${id} AND status = 'running' AND due_at = ${leasedUntil}
        AND NOT EXISTS (SELECT 1 FROM batch_item WHERE batch_id = batch.id AND state = 'waiting')
        AND NOT EXISTS (SELECT 1 FROM message m INDEXED BY message_batch WHERE m.batch_id = batch.id
          AND m.status IN ('scheduled', ${sql.join(unsent)}))`.compile(db.kysely),
  );
  return (finished.numAffectedRows ?? 0n) > 0n;
}
