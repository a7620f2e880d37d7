import { timedStages } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { sweepSize } from "../retention.ts";
import { dayMs, hourMs } from "./range.ts";
import { unseenSent } from "./without-account.ts";

/** Columns of the tables of days: the counts of each hour. */
export const hours = Array.from({ length: 24 }, (_, hour) => `h${hour}`);

/** `conversion_day` has this many first digits of a prefix. */
export const leadDigits = 4;
export const wholePrefix = 7;
const monthDays = 32;
/** Months of `conversion_month`. */
export const monthMs = monthDays * dayMs;
/** Columns of `conversion_month`: the counts of each day. */
export const days = Array.from({ length: monthDays }, (_, day) => `d${day}`);

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

const day = sql`hour / ${aDay} * ${aDay}`;
const hourColumns = sql.raw(hours.join(", "));
/** The columns of a row of counts `n` of one hour. */
const hourCounts = sql.raw(hours.map((_, hour) => `iif(hour / ${hourMs} % 24 = ${hour}, n, 0)`).join(", "));
const dayColumns = sql.raw(days.join(", "));
/** The columns of a row of counts `n` of one day. */
const dayCounts = sql.raw(days.map((_, each) => `iif(hour / ${dayMs} % ${monthDays} = ${each}, n, 0)`).join(", "));
const addedTo = (names: readonly string[]) =>
  sql.raw(`ON CONFLICT DO UPDATE SET ${names.map((each) => `${each} = ${each} + excluded.${each}`).join(", ")}`);
const added = addedTo(["count", ...hours]);
const addedDays = addedTo(["count", ...days]);

const intoGroups = sql`INSERT INTO conversion_group (workspace_id, day, dimension, key, stage, bucket, count, ${hourColumns})`;

/**
 * Moves the first counts that the triggers have written to the tables that dashboards read, and so the counts that an
 * earlier version had moved. There may be more when `moved` has changed `limit` rows.
 */
export function rollUp(db: Db, limit = sweepSize) {
  const earlier = sql`(SELECT * FROM conversion_earlier ORDER BY ${key} LIMIT ${limit})`;
  const batch = sql`(SELECT * FROM conversion WHERE workspace_id > '' ORDER BY ${key} LIMIT ${limit})`;
  return {
    again: sql`INSERT INTO conversion (${key}, count) SELECT ${key}, count FROM ${earlier} WHERE true
      ON CONFLICT DO UPDATE SET count = count + excluded.count`.compile(db.kysely),
    taken: sql`DELETE FROM conversion_earlier WHERE (${key}) IN (SELECT ${key} FROM ${earlier})`.compile(db.kysely),
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
    byMonth:
      sql`INSERT INTO conversion_month (workspace_id, month, dimension, key, prefix, stage, bucket, count, ${dayColumns})
      SELECT workspace_id, hour / ${sql.lit(monthMs)}, dimension, key, prefix, stage, shown, n, ${dayCounts} FROM (
        SELECT workspace_id, hour, dimension, ${keyOfDimension} AS key, prefix, 'created' AS stage, 0 AS shown, sum(n) AS n
        FROM (SELECT workspace_id, prefix, ${day} AS hour, ${columns}, sum(iif(stage = 'created', count, 0)) AS n
          FROM ${batch} GROUP BY workspace_id, prefix, ${day}, ${columns}) CROSS JOIN ${dimensionNames}
        GROUP BY workspace_id, dimension, key, prefix, hour
        UNION ALL SELECT workspace_id, ${day} AS hour, 'prefix', prefix AS key, '', stage, ${shownBucket} AS shown, sum(count)
        FROM ${batch} GROUP BY workspace_id, prefix, ${day}, stage, shown)
      WHERE true ${addedDays} WHERE excluded.count <> 0`.compile(db.kysely),
    moved: sql`DELETE FROM conversion WHERE (${key}) IN (SELECT ${key} FROM ${batch})`.compile(db.kysely),
  };
}
