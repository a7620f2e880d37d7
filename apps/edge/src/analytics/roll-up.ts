import { timedStages } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { sweepSize } from "../retention.ts";
import { dayMs, hourMs } from "./range.ts";
import { unseenSent } from "./without-account.ts";

/** Hours of a day; tables of days have a column for each. */
export const hours = Array.from({ length: 24 }, (_, hour) => ({ hour, column: sql.ref(`h${hour}`) }));

/** `conversion_day` has this many first digits of a prefix. */
export const leadDigits = 4;
export const wholePrefix = 7;
const monthDays = 32;
/** Months of `conversion_prefix_month`. */
export const monthMs = monthDays * dayMs;
/** Days of a month; `conversion_prefix_month` has a column for each. */
export const days = Array.from({ length: monthDays }, (_, number) => ({ number, column: sql.ref(`d${number}`) }));

const aDay = sql.lit(dayMs);
const key = sql.raw("workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket");
const columns = sql.raw("country, session_id, template_id, purpose, mode");

/** Stages without latencies have one bucket. */
export const shownBucket = sql<number>`CASE WHEN stage IN (${sql.join([...timedStages, unseenSent].map((stage) => sql.lit(stage)))})
  THEN bucket ELSE 0 END`;

const dimensions = ["all", "country", "session", "template", "purpose", "mode"] as const;
/** The groups that an answer may have, by the name of their dimension. */
export type Dimension = (typeof dimensions)[number] | "prefix";
const dimensionNames = sql`(SELECT column1 AS dimension FROM (VALUES ${sql.raw(dimensions.map((name) => `('${name}')`).join())}))`;
const keyOfDimension = sql`CASE dimension WHEN 'country' THEN country WHEN 'session' THEN session_id
  WHEN 'template' THEN template_id WHEN 'purpose' THEN purpose WHEN 'mode' THEN mode ELSE '' END`;
/** A prefix with another number of digits is the sum of those that begin with it. */
export const digitCounts = [1, 2, 3, 4, 5, wholePrefix];
const digits = sql`(SELECT column1 AS digits FROM (VALUES ${sql.raw(digitCounts.map((count) => `(${count})`).join())}))`;

const each = (of: (hour: (typeof hours)[number]) => unknown) => sql.join(hours.map(of));
const day = sql`hour / ${aDay} * ${aDay}`;
const hourColumns = each(({ column }) => column);
/** The columns of a row of counts `n` of one hour. */
const hourCounts = each(({ hour }) => sql`iif(hour / ${sql.lit(hourMs)} % 24 = ${sql.lit(hour)}, n, 0)`);
const added = sql`ON CONFLICT DO UPDATE SET count = count + excluded.count,
  ${each(({ column }) => sql`${column} = ${column} + excluded.${column}`)}`;

const created = sql`sum(iif(stage = 'created', count, 0))`;
const dayColumns = sql.join(days.map(({ column }) => column));
/** The columns of a row of counts `n` of one day. */
const dayCounts = sql.join(
  days.map(({ number }) => sql`iif(hour / ${aDay} % ${sql.lit(monthDays)} = ${sql.lit(number)}, n, 0)`),
);
const addedDays = sql`ON CONFLICT DO UPDATE SET count = count + excluded.count,
  ${sql.join(days.map(({ column }) => sql`${column} = ${column} + excluded.${column}`))}`;

const intoGroups = sql`INSERT INTO conversion_group (workspace_id, day, dimension, key, stage, bucket, count, ${hourColumns})`;

/**
 * Moves the first counts that the triggers have written to the tables that dashboards read. There may be more when
 * `moved` has changed `limit` rows.
 */
export function rollUp(db: Db, limit = sweepSize) {
  const batch = sql`(SELECT * FROM conversion WHERE workspace_id > '' ORDER BY ${key} LIMIT ${limit})`;
  return {
    byPrefix: sql`INSERT INTO conversion_prefix (${key}, count) SELECT ${key}, count FROM ${batch} WHERE true
      ON CONFLICT DO UPDATE SET count = count + excluded.count`.compile(db.kysely),
    byDay: sql`INSERT INTO conversion_day (workspace_id, day, stage, bucket, lead, ${columns}, count, ${hourColumns})
      SELECT workspace_id, ${day}, stage, shown, lead, ${columns}, n, ${hourCounts} FROM (
        SELECT workspace_id, hour, stage, ${shownBucket} AS shown, substr(prefix, 1, ${sql.lit(leadDigits)}) AS lead, ${columns},
          sum(count) AS n FROM ${batch} GROUP BY shown, stage, lead, ${columns}, hour, workspace_id)
      WHERE true ${added}`.compile(db.kysely),
    byDimension: sql`${intoGroups} SELECT workspace_id, ${day}, dimension, key, stage, shown, n, ${hourCounts} FROM (
        SELECT workspace_id, hour, dimension, ${keyOfDimension} AS key, stage, shown, sum(count) AS n FROM (
          SELECT workspace_id, hour, stage, ${shownBucket} AS shown, ${columns}, sum(count) AS count FROM ${batch}
          GROUP BY shown, stage, ${columns}, hour, workspace_id) CROSS JOIN ${dimensionNames}
        GROUP BY key, shown, stage, dimension, hour, workspace_id) WHERE true ${added}`.compile(db.kysely),
    byDigits: sql`${intoGroups} SELECT workspace_id, ${day}, 'prefix', key, stage, shown, n, ${hourCounts} FROM (
        SELECT workspace_id, hour, substr(prefix, 1, digits) AS key, stage, ${shownBucket} AS shown, sum(count) AS n
        FROM ${batch} CROSS JOIN ${digits} GROUP BY key, shown, stage, hour, workspace_id)
      WHERE true ${added}`.compile(db.kysely),
    byPrefixDay: sql`INSERT INTO conversion_prefix_day (workspace_id, day, prefix, count, ${hourColumns})
      SELECT workspace_id, ${day}, prefix, n, ${hourCounts} FROM (
        SELECT workspace_id, prefix, hour, ${created} AS n FROM ${batch} GROUP BY 1, 2, 3)
      WHERE true ${added}`.compile(db.kysely),
    byPrefixMonth:
      sql`INSERT INTO conversion_prefix_month (workspace_id, month, dimension, key, prefix, count, ${dayColumns})
      SELECT workspace_id, hour / ${sql.lit(monthMs)}, dimension, key, prefix, n, ${dayCounts} FROM (
        SELECT workspace_id, dimension, ${keyOfDimension} AS key, prefix, hour, sum(n) AS n FROM (
          SELECT workspace_id, prefix, ${day} AS hour, ${columns}, ${created} AS n FROM ${batch}
          GROUP BY workspace_id, prefix, ${day}, ${columns}) CROSS JOIN ${dimensionNames}
        GROUP BY workspace_id, dimension, key, prefix, hour)
      WHERE true ${addedDays}`.compile(db.kysely),
    byPrefixStage:
      sql`INSERT INTO conversion_prefix_stage (workspace_id, month, prefix, stage, bucket, count, ${dayColumns})
      SELECT workspace_id, hour / ${sql.lit(monthMs)}, prefix, stage, shown, n, ${dayCounts} FROM (
        SELECT workspace_id, prefix, ${day} AS hour, stage, ${shownBucket} AS shown, sum(count) AS n FROM ${batch}
        GROUP BY workspace_id, prefix, ${day}, stage, shown)
      WHERE true ${addedDays}`.compile(db.kysely),
    moved: sql`DELETE FROM conversion WHERE (${key}) IN (SELECT ${key} FROM ${batch})`.compile(db.kysely),
  };
}
