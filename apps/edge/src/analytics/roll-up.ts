import { timedStages } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { sweepSize } from "../retention.ts";
import { dayMs, hourMs } from "./range.ts";
import { unseenSent } from "./without-account.ts";

/** Hours of a day; `conversion_day` has a column for each. */
export const hours = Array.from({ length: 24 }, (_, hour) => ({ hour, column: sql.ref(`h${hour}`) }));

/** Days are counted by this many first digits of a prefix. */
export const leadDigits = 3;

const aDay = sql.lit(dayMs);
const key = sql.raw("workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket");
const dimensions = sql.raw("country, session_id, template_id, purpose, mode");

/** Stages without latencies have one bucket. */
export const shownBucket = sql<number>`CASE WHEN stage IN (${sql.join([...timedStages, unseenSent].map((stage) => sql.lit(stage)))})
  THEN bucket ELSE 0 END`;

const each = (of: (hour: (typeof hours)[number]) => unknown) => sql.join(hours.map(of));

/**
 * Moves the first counts that the triggers have written to the tables that dashboards read. There may be more when
 * `moved` has changed `limit` rows.
 */
export function rollUp(db: Db, limit = sweepSize) {
  const batch = sql`(SELECT * FROM conversion WHERE workspace_id > '' ORDER BY ${key} LIMIT ${limit})`;
  return {
    byPrefix: sql`INSERT INTO conversion_prefix (${key}, count) SELECT ${key}, count FROM ${batch} WHERE true
      ON CONFLICT DO UPDATE SET count = count + excluded.count`.compile(db.kysely),
    byDay: sql`INSERT INTO conversion_day (workspace_id, day, stage, bucket, lead, ${dimensions}, count,
        ${each(({ column }) => column)})
      SELECT workspace_id, hour / ${aDay} * ${aDay}, stage, ${shownBucket}, substr(prefix, 1, ${leadDigits}),
        ${dimensions}, sum(count),
        ${each(({ hour }) => sql`sum(iif(hour / ${sql.lit(hourMs)} % 24 = ${sql.lit(hour)}, count, 0))`)}
      FROM ${batch} GROUP BY 1, 2, 3, 4, 5, ${dimensions}
      ON CONFLICT DO UPDATE SET count = count + excluded.count,
        ${each(({ column }) => sql`${column} = ${column} + excluded.${column}`)}`.compile(db.kysely),
    moved: sql`DELETE FROM conversion WHERE (${key}) IN (SELECT ${key} FROM ${batch})`.compile(db.kysely),
  };
}
