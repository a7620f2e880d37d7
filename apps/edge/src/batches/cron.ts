import { sql } from "kysely";
import { dayMs } from "../retention.ts";
import type { Services } from "../services.ts";
import { advance } from "./advance.ts";

/** A Worker may make a thousand requests in one run: a round of a batch makes about eight. */
const batchesAtOnce = 10;
const roundsOfBatch = 4;
/** A batch that is paused for so long is canceled: its recipients are not kept for ever. */
const longestPauseMs = 30 * dayMs;

/** Does the work of batches that are due, some of each. QStash, or the next run, does the rest. */
export async function advanceDue(services: Services): Promise<void> {
  const { db, now } = services;
  const at = now().getTime();
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM batch INDEXED BY batch_due WHERE due_at <= ${at} ORDER BY due_at
      LIMIT ${batchesAtOnce}`.compile(db.kysely),
  );
  for (const { id } of rows) await advance(services, id, roundsOfBatch);
}

/** Cancels batches that nobody resumed. */
export async function cancelForgotten({ db, now }: Services): Promise<void> {
  const at = now().getTime();
  await db.write([
    sql`UPDATE batch SET status = 'canceled', due_at = ${at}, ended_at = ${at}, updated_at = ${at}, sealed_message = NULL
      WHERE id IN (SELECT id FROM batch WHERE status = 'paused' AND updated_at <= ${at - longestPauseMs}
        LIMIT ${batchesAtOnce})`,
    sql`UPDATE batch_item SET state = 'canceled', sealed = NULL WHERE state = 'waiting'
      AND batch_id IN (SELECT id FROM batch WHERE status = 'canceled' AND due_at = ${at})`,
  ]);
}
