import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** An ended key is listed for as long as the audit log keeps its entries by default. */
const endedKeyMs = 365 * dayMs;

/** Deletes keys that ended long ago. */
export function sweepKeys({ db, now }: Services) {
  const before = now().getTime() - endedKeyMs;
  return [
    sql`DELETE FROM api_key WHERE id IN (SELECT id FROM api_key
      WHERE revoked_at <= ${before} OR expires_at <= ${before} LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
