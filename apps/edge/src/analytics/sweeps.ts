import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Deletes the hourly counts that the quota no longer keeps. */
export const sweepAnalytics = ({ db, now }: Services) => [
  sql`DELETE FROM conversion WHERE (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode,
    bucket) IN (SELECT c.workspace_id, c.prefix, c.hour, c.stage, c.country, c.session_id, c.template_id, c.purpose,
      c.mode, c.bucket FROM workspace w CROSS JOIN conversion c ON c.workspace_id = w.id
        AND c.hour <= ${now().getTime()} - coalesce(w.quota ->> '$.retentionDays.analytics', 184) * ${dayMs}
    LIMIT ${sweepSize})`.compile(db.kysely),
];
