import { sql } from "kysely";
import { dayMs, keptDays, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/**
 * Lets go of the files of batches that have ended. Deletes batches that ended longer ago than the time for messages and
 * whose messages are deleted: first their recipients, then the batches themselves.
 */
export const sweepBatches = ({ db, now }: Services) => {
  const at = now().getTime();
  const old = sql`workspace w CROSS JOIN batch t INDEXED BY batch_workspace ON t.workspace_id = w.id
    WHERE t.ended_at < ${at} - ${dayMs} * ${keptDays("messages", { usual: 30, most: 90 })} AND t.due_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM message m INDEXED BY message_batch WHERE m.batch_id = t.id)`;
  return [
    sql`DELETE FROM batch_media WHERE (batch_id, media_id) IN (SELECT f.batch_id, f.media_id FROM batch_media f
      JOIN batch b ON b.id = f.batch_id WHERE b.ended_at IS NOT NULL LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM batch_item WHERE (batch_id, position) IN (SELECT i.batch_id, i.position FROM (SELECT t.id FROM ${old}) b
      CROSS JOIN batch_item i ON i.batch_id = b.id LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM batch WHERE id IN (SELECT t.id FROM ${old}
      AND NOT EXISTS (SELECT 1 FROM batch_item i WHERE i.batch_id = t.id) LIMIT ${sweepSize})`.compile(db.kysely),
  ];
};
