import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import { monthMs } from "./roll-up.ts";
import type { Services } from "../services.ts";

const keptMs = sql`coalesce(w.quota ->> '$.retentionDays.analytics', 184) * ${dayMs}`;

/**
 * Deletes the counts that the quota no longer keeps. A day or a month goes when all its hours are older. The rows of
 * `conversion_prefix` are found by the days of their prefixes, which go last.
 */
export function sweepAnalytics({ db, now }: Services) {
  const at = now().getTime();
  return [
    sql`DELETE FROM conversion_prefix WHERE (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose,
      mode, bucket) IN (SELECT c.workspace_id, c.prefix, c.hour, c.stage, c.country, c.session_id, c.template_id, c.purpose,
        c.mode, c.bucket FROM workspace w CROSS JOIN conversion_prefix_day d ON d.workspace_id = w.id
        AND d.day <= ${at - dayMs} - ${keptMs} CROSS JOIN conversion_prefix c ON c.workspace_id = d.workspace_id
        AND c.prefix = d.prefix AND c.hour >= d.day AND c.hour < d.day + ${dayMs} LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    sql`DELETE FROM conversion_prefix_day WHERE (workspace_id, day, prefix) IN (SELECT d.workspace_id, d.day, d.prefix
        FROM workspace w CROSS JOIN conversion_prefix_day d ON d.workspace_id = w.id
        AND d.day <= ${at - dayMs} - ${keptMs} AND NOT EXISTS (SELECT 1 FROM conversion_prefix c
          WHERE c.workspace_id = d.workspace_id AND c.prefix = d.prefix AND c.hour >= d.day AND c.hour < d.day + ${dayMs})
        LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_day WHERE (workspace_id, day, stage, bucket, lead, country, session_id, template_id, purpose,
      mode) IN (SELECT c.workspace_id, c.day, c.stage, c.bucket, c.lead, c.country, c.session_id, c.template_id, c.purpose,
        c.mode FROM workspace w CROSS JOIN conversion_day c ON c.workspace_id = w.id
        AND c.day <= ${at - dayMs} - ${keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_group WHERE (workspace_id, day, dimension, key, stage, bucket) IN (
      SELECT c.workspace_id, c.day, c.dimension, c.key, c.stage, c.bucket FROM workspace w CROSS JOIN conversion_group c
        ON c.workspace_id = w.id AND c.day <= ${at - dayMs} - ${keptMs} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_prefix_month WHERE (workspace_id, month, dimension, key, prefix) IN (
      SELECT c.workspace_id, c.month, c.dimension, c.key, c.prefix FROM workspace w CROSS JOIN conversion_prefix_month c
        ON c.workspace_id = w.id AND c.month < (${at} - ${keptMs}) / ${monthMs} - 1 LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
    sql`DELETE FROM conversion_prefix_stage WHERE (workspace_id, month, prefix, stage, bucket) IN (
      SELECT c.workspace_id, c.month, c.prefix, c.stage, c.bucket FROM workspace w CROSS JOIN conversion_prefix_stage c
        ON c.workspace_id = w.id AND c.month < (${at} - ${keptMs}) / ${monthMs} - 1 LIMIT ${sweepSize})`.compile(
      db.kysely,
    ),
  ];
}
