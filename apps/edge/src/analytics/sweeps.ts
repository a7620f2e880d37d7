import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import { monthMs } from "./roll-up.ts";
import type { Services } from "../services.ts";

const keptMs = sql`coalesce(w.quota ->> '$.retentionDays.analytics', 184) * ${dayMs}`;

/** Deletes the counts that the quota no longer keeps. A day or a month goes when all its hours are older. */
export function sweepAnalytics({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM conversion_prefix WHERE (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose,
      mode, bucket) IN (SELECT c.workspace_id, c.prefix, c.hour, c.stage, c.country, c.session_id, c.template_id, c.purpose,
        c.mode, c.bucket FROM workspace w CROSS JOIN conversion_prefix c INDEXED BY conversion_prefix_hour
        ON c.workspace_id = w.id AND c.hour <= ${at} - ${keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_day WHERE (workspace_id, day, stage, bucket, lead, country, session_id, template_id, purpose,
      mode) IN (SELECT c.workspace_id, c.day, c.stage, c.bucket, c.lead, c.country, c.session_id, c.template_id, c.purpose,
        c.mode FROM workspace w CROSS JOIN conversion_day c ON c.workspace_id = w.id
        AND c.day <= ${at - dayMs} - ${keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_group WHERE (workspace_id, day, dimension, key, stage, bucket) IN (
      SELECT c.workspace_id, c.day, c.dimension, c.key, c.stage, c.bucket FROM workspace w CROSS JOIN conversion_group c
        ON c.workspace_id = w.id AND c.day <= ${at - dayMs} - ${keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_rank WHERE (workspace_id, month, prefix, day) IN (
      SELECT c.workspace_id, c.month, c.prefix, c.day FROM workspace w CROSS JOIN conversion_rank c
        ON c.workspace_id = w.id AND c.month < (${at} - ${keptMs}) / ${monthMs} - 1 LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
  ];
}
