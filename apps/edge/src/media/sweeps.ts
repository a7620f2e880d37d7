import { sql } from "kysely";
import { deleteOldest, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Deletes uploads that no message used, and files that messages no longer need. Cron then deletes their objects. */
export const sweepMedia = (services: Services) => {
  const { db, now } = services;
  const at = now().getTime();
  return [
    sql`DELETE FROM media WHERE id IN (SELECT id FROM media WHERE expires_at <= ${at} LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    deleteOldest(services, {
      table: "media",
      idPrefix: "med",
      name: "media",
      usualDays: 30,
      mostDays: 90,
      when: sql<boolean>`t.expires_at IS NULL AND t.used_until <= ${at}
        AND NOT EXISTS (SELECT 1 FROM batch_media f WHERE f.media_id = t.id)`,
    }),
  ];
};
