import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { DeliveryTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import { canSend } from "./delivery.ts";
import type { Claimed } from "./topic.ts";

/** Longer than the request to the target may take. */
export const claimMs = 30_000;

/** Takes a delivery for this request; undefined when there is nothing to send, `busy` while another request sends it. */
export async function claimDelivery({ db, now }: Services, id: string): Promise<Claimed | "busy" | undefined> {
  const { known, claimed } = await db.write({
    known: sql<Pick<DeliveryTable, "status"> & { canSend: 0 | 1 }>`SELECT status, ${canSend} AS can_send
      FROM delivery WHERE id = ${id}`,
    claimed: claim(db, id, now().getTime()),
  });
  const [delivery] = claimed.rows;
  if (delivery) return delivery;
  const [row] = known.rows;
  return row?.status === "queued" && row.canSend === 1 ? "busy" : undefined;
}

const claim = (db: Db, id: string, at: number): CompiledQuery<Claimed> =>
  sql<Claimed>`UPDATE delivery SET claim_until = ${at + claimMs}, attempts = attempts + 1
    WHERE id = ${id} AND status = 'queued' AND claim_until <= ${at} AND ${canSend}
    RETURNING id, workspace_id, endpoint_id, subject_id, type, content,
      (SELECT topic FROM endpoint WHERE endpoint.id = endpoint_id) AS topic,
      (SELECT target FROM endpoint WHERE endpoint.id = endpoint_id) AS target`.compile(db.kysely);
