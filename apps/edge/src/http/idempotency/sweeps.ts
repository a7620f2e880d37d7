import { sql } from "kysely";
import { sweepSize } from "../../retention.ts";
import type { Services } from "../../services.ts";
import { idempotencyTtlMs } from "./create.ts";

/** Deletes expired idempotency keys. */
export function sweepIdempotencyKeys({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency
      WHERE created_at <= ${at - idempotencyTtlMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency
      WHERE expires_at <= ${at} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
