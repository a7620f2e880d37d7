import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

const eventRetentionMs = 30 * dayMs;

/** Deletes old events of verifications, messages and sessions. */
export const sweepEvents = ({ db, now }: Services) => [
  sql`DELETE FROM event WHERE seq IN (SELECT seq FROM event
    WHERE at <= ${now().getTime() - eventRetentionMs} LIMIT ${sweepSize})`.compile(db.kysely),
];
