import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

const keptDays = 365;
/** Messages, which may have been read with such an id, are kept no longer. */
const aliasDays = 90;

/** Deletes reports of old erasures, and former ids of chats of deleted sessions. */
export function sweepErasures({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM erasure WHERE id IN (SELECT id FROM erasure INDEXED BY erasure_finished
      WHERE finished_at <= ${at - keptDays * dayMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM chat_alias WHERE id IN (SELECT a.id FROM chat_alias a WHERE a.created_at <= ${at - aliasDays * dayMs}
      AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = a.session_id) LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
