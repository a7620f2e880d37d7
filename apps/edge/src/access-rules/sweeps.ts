import { sql } from "kysely";
import { sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Deletes rules that have expired. */
export const sweepAccessRules = ({ db, now }: Services) => [
  sql`DELETE FROM access_rule WHERE id IN (SELECT id FROM access_rule
    WHERE expires_at <= ${now().getTime()} LIMIT ${sweepSize})`.compile(db.kysely),
];
