import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import { canSend, isHead } from "./delivery.ts";
import type { Claimed } from "./topic.ts";

/** Longer than the request to the target may take. */
export const claimMs = 30_000;
/** QStash's clock and this one may differ. A call that comes so early comes again. */
const earlyMs = 5_000;

/** A delivery that cannot be claimed yet. */
export interface NotYet {
  /** When QStash is to call again. */
  retryAfterSeconds: number;
}

/** Takes a delivery for this request; undefined when there is nothing to send. */
export async function claimDelivery({ db, now }: Services, id: string): Promise<Claimed | NotYet | undefined> {
  const at = now().getTime();
  const { known, claimed } = await db.write({
    known: sql<Pick<DeliveryTable, "claimUntil" | "nextAttemptAt">>`SELECT claim_until, next_attempt_at FROM delivery
      WHERE id = ${id} AND status = 'queued' AND ${canSend} AND ${isHead}`,
    claimed: claim(db, sql`${id}`, at),
  });
  const [delivery] = claimed.rows;
  if (delivery) return delivery;
  const [waiting] = known.rows;
  if (!waiting) return undefined;
  if (waiting.claimUntil > at) return { retryAfterSeconds: claimMs / 1000 };
  const earlyBy = waiting.nextAttemptAt - at;
  return earlyBy > earlyMs ? undefined : { retryAfterSeconds: Math.ceil(earlyBy / 1000) };
}

/** Claims the delivery with this id if it can be sent now. */
export const claim = (db: Db, id: RawBuilder<unknown>, at: number): CompiledQuery<Claimed> =>
  sql<Claimed>`UPDATE delivery SET claim_until = ${at + claimMs}, attempts = attempts + 1
    WHERE id = ${id} AND status = 'queued' AND claim_until <= ${at} AND next_attempt_at <= ${at} AND ${canSend} AND ${isHead}
    RETURNING id, workspace_id, endpoint_id, subject_id, type, content, attempts, failures, event_seq, lane, is_replay,
      (SELECT topic FROM endpoint WHERE endpoint.id = endpoint_id) AS topic,
      (SELECT target FROM endpoint WHERE endpoint.id = endpoint_id) AS target`.compile(db.kysely);
