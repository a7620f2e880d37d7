import { type RawBuilder, sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import { monthMs, wholePrefix } from "./roll-up.ts";
import type { Services } from "../services.ts";

const keptMs = sql`coalesce(w.quota ->> '$.retentionDays.analytics', 184) * ${dayMs}`;

const isPrefix = sql`g.dimension = 'prefix' AND length(g.key) = ${sql.lit(wholePrefix)}`;

/**
 * Deletes the counts that the quota no longer keeps. A day or a month goes when all its hours are older. The rows of
 * `conversion_prefix` are found by the days of their prefixes in `conversion_group`, which go last.
 */
export function sweepAnalytics({ db, now }: Services) {
  const at = now().getTime();
  const isOld = (day: RawBuilder<unknown>) => sql`${day} <= ${at - dayMs} - ${keptMs}`;
  const ofPrefix = sql`c.workspace_id = g.workspace_id AND c.prefix = g.key AND c.hour >= g.day AND c.hour < g.day + ${dayMs}`;
  return [
    sql`DELETE FROM conversion_prefix WHERE (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose,
      mode, bucket) IN (SELECT c.workspace_id, c.prefix, c.hour, c.stage, c.country, c.session_id, c.template_id, c.purpose,
        c.mode, c.bucket FROM (SELECT DISTINCT g.workspace_id, g.day, g.key FROM workspace w CROSS JOIN conversion_group g
          ON g.workspace_id = w.id AND ${isOld(sql`g.day`)} AND ${isPrefix} LIMIT ${sweepSize}) g
        CROSS JOIN conversion_prefix c ON ${ofPrefix} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_group WHERE (workspace_id, day, dimension, key, stage, bucket) IN (
      SELECT workspace_id, day, dimension, key, stage, bucket FROM (SELECT g.workspace_id, g.day, g.dimension, g.key, g.stage,
        g.bucket FROM workspace w CROSS JOIN conversion_group g ON g.workspace_id = w.id AND ${isOld(sql`g.day`)}
        LIMIT ${sweepSize}) g
      WHERE NOT (${isPrefix} AND EXISTS (SELECT 1 FROM conversion_prefix c WHERE ${ofPrefix})))`.compile(db.kysely),
    sql`DELETE FROM conversion_day WHERE (workspace_id, day, stage, bucket, lead, country, session_id, template_id, purpose,
      mode) IN (SELECT c.workspace_id, c.day, c.stage, c.bucket, c.lead, c.country, c.session_id, c.template_id, c.purpose,
        c.mode FROM workspace w CROSS JOIN conversion_day c ON c.workspace_id = w.id
        AND ${isOld(sql`c.day`)} LIMIT ${sweepSize})`.compile(db.kysely),
    sql`DELETE FROM conversion_month WHERE (workspace_id, month, dimension, key, prefix, stage, bucket) IN (
      SELECT c.workspace_id, c.month, c.dimension, c.key, c.prefix, c.stage, c.bucket FROM workspace w
        CROSS JOIN conversion_month c ON c.workspace_id = w.id AND c.month < (${at} - ${keptMs}) / ${monthMs} - 1
        LIMIT ${sweepSize})`.compile(db.kysely),
  ];
}
