import { type RawBuilder, sql } from "kysely";
import {
  conditionsOf,
  daysIn,
  type Filter,
  type Grouped,
  groupLimit,
  groupOf,
  hoursOfDay,
  storedHours,
} from "./matching.ts";
import { dayMs, type Range } from "./range.ts";
import { days, monthMs, shownBucket } from "./roll-up.ts";

/** The counts of a prefix: one row costs less on the way than one for each count. */
interface Packed {
  key: string;
  tallies: string;
}

export const unpack = (rows: readonly Packed[]): Grouped[] =>
  rows.flatMap(({ key, tallies }) =>
    (JSON.parse(tallies) as [stage: string, bucket: number, count: number][]).map(([stage, bucket, count]) => ({
      key,
      stage,
      bucket,
      count,
    })),
  );

/** There are many prefixes: they are ranked first, and only the counts of the largest ones are read. */
export function selectPrefixes(workspaceId: string, filter: Filter) {
  const { prefix: _, ...values } = filter.only;
  const filters = Object.entries(values).filter(([, value]) => value !== undefined);
  const tables = tablesOf(workspaceId, filter, Object.fromEntries(filters.slice(0, 1)));
  const { notRolledUp, within } = tables;
  const ranked = filters.length > 1 ? sumAll(workspaceId, filter, tables) : sumLargest(filter.range, tables);
  const stored =
    filters.length > 0
      ? sql`SELECT rank, top.key, stage, ${shownBucket} AS bucket, count FROM top CROSS JOIN conversion_prefix c
          WHERE c.prefix = top.key AND ${within(filter.range)}`
      : countsOfTop(workspaceId, filter.range);
  // A resend may use another session: a prefix may have codes that were sent, and none that was created.
  const others = sql`SELECT DISTINCT prefix FROM (
      SELECT prefix FROM ${tables.months(monthsOf(filter.range))} AND EXISTS (SELECT 1 FROM conversion_prefix c
        WHERE c.prefix = conversion_prefix_month.prefix AND ${within(filter.range)})
      UNION ALL SELECT prefix FROM ${notRolledUp})
    WHERE prefix NOT IN (SELECT key FROM ranked) ORDER BY prefix LIMIT ${groupLimit} - (SELECT count(*) FROM ranked)`;
  return sql<Packed>`WITH ${ranked}, top AS MATERIALIZED (
      SELECT key, row_number() OVER (ORDER BY created DESC, key) AS rank FROM (
        SELECT key, created FROM ranked UNION ALL SELECT prefix, 0 FROM (${others})))
    SELECT key, json_group_array(json_array(stage, bucket, count)) AS tallies FROM (
      SELECT rank, key, stage, bucket, sum(count) AS count FROM (
      ${stored}
      UNION ALL SELECT rank, top.key, stage, ${shownBucket} AS bucket, count FROM top CROSS JOIN conversion c
        WHERE c.prefix = top.key AND ${within(filter.range)})
    WHERE count > 0 GROUP BY rank, stage, bucket)
    GROUP BY rank ORDER BY rank`;
}

/** In SQL the counts of the largest prefixes: of whole days by month, of the others by day. */
function countsOfTop(workspaceId: string, range: Range) {
  const workspace = sql`workspace_id = ${workspaceId}`;
  return sql.join(
    [
      ...[...wholeDays(range)].map(
        ([month, each]) => sql`SELECT rank, top.key, stage, bucket, ${sumOf(each)} AS count
          FROM top CROSS JOIN conversion_prefix_stage c WHERE ${workspace} AND month = ${month} AND c.prefix = top.key`,
      ),
      ...daysIn(range)
        .filter((each) => !isWhole(range)(each))
        .map(
          (each) => sql`SELECT rank, top.key, stage, bucket, ${hoursOfDay(each, range)} AS count
          FROM top CROSS JOIN conversion_group c
          WHERE ${workspace} AND day = ${each} AND dimension = 'prefix' AND c.key = top.key`,
        ),
    ],
    sql` UNION ALL `,
  );
}

interface PrefixTables {
  /** The rows of one filter at most: those of the other filters are among them. */
  months: (these: readonly number[]) => RawBuilder<unknown>;
  day: (day: number) => RawBuilder<unknown>;
  notRolledUp: RawBuilder<unknown>;
  /** The condition of all filters but the prefix. */
  within: (range: Range) => RawBuilder<unknown>;
  isFiltered: boolean;
}

function tablesOf(workspaceId: string, filter: Filter, first: Filter["only"]): PrefixTables {
  const { prefix = "", ...values } = filter.only;
  const { dimension, key = "" } = groupOf({ range: filter.range, only: first }) ?? { dimension: "all" };
  const workspace = sql`workspace_id = ${workspaceId}`;
  const begins = sql`prefix >= ${prefix} AND prefix < ${`${prefix}:`}`;
  return {
    months: (these) => sql`conversion_prefix_month WHERE ${workspace} AND month IN (${sql.join([...these])})
      AND dimension = ${dimension} AND key = ${key} AND ${begins}`,
    day: (day) => sql`conversion_prefix_day WHERE ${workspace} AND day = ${day} AND ${begins}`,
    notRolledUp: sql`conversion WHERE ${conditionsOf(workspaceId, filter).hours}`,
    within: (range) => conditionsOf(workspaceId, { range, only: values }).hours,
    isFiltered: dimension !== "all",
  };
}

/** In SQL `ranked`: the largest prefixes, of the sums of all hours. */
function sumAll(workspaceId: string, filter: Filter, { notRolledUp }: PrefixTables) {
  const created = storedHours(workspaceId, filter, sql`conversion_prefix INDEXED BY conversion_prefix_created`);
  return sql`ranked AS MATERIALIZED (SELECT prefix AS key, sum(count) AS created FROM (
      SELECT prefix, count FROM ${created} AND stage = 'created'
      UNION ALL SELECT prefix, count FROM ${notRolledUp} AND stage = 'created')
    GROUP BY 1 HAVING sum(count) > 0 ORDER BY created DESC, key LIMIT ${groupLimit})`;
}

const union = (selects: RawBuilder<unknown>[], how: RawBuilder<unknown>) => sql.join(selects, sql` ${how} `);

/**
 * In SQL `ranked`: the largest prefixes, without sums for the others. Each list has counts of a part of the range. One
 * list alone has `groupLimit` prefixes with `least` or more verifications, so each of the largest prefixes has as many, and
 * its share of that in a list, or it is among the counts that are not rolled up.
 */
function sumLargest(range: Range, tables: PrefixTables) {
  const lists = listsOf(range, tables);
  const { notRolledUp } = tables;
  const least = lists.map(
    (list) => sql`SELECT * FROM (SELECT least FROM (${list}) ORDER BY least DESC LIMIT 1 OFFSET ${groupLimit - 1})`,
  );
  const share = sql`(SELECT max(1, coalesce(max(least), 0) / ${sql.lit(lists.length)}) FROM enough)`;
  const large = lists.map((list) => sql`SELECT prefix FROM (${list}) WHERE count >= ${share} AND most >= ${share}`);
  return sql`enough AS MATERIALIZED (${union(least, sql`UNION ALL`)}),
    candidate AS MATERIALIZED (${union([...large, sql`SELECT prefix FROM ${notRolledUp} AND stage = 'created'`], sql`UNION`)}),
    counted AS MATERIALIZED (SELECT prefix AS key, ${createdOf(range, tables)} AS created FROM candidate),
    ranked AS MATERIALIZED (SELECT key, created FROM counted WHERE created > 0
      ORDER BY created DESC, key LIMIT ${groupLimit})`;
}

/** Lists of prefixes, each with bounds of its verifications in a part of the range. */
function listsOf(range: Range, { months, day, isFiltered }: PrefixTables): RawBuilder<unknown>[] {
  if (!isFiltered && !daysIn(range).some(isWhole(range))) {
    return daysIn(range).map((each) => {
      const count = hoursOfDay(each, range);
      return sql`SELECT prefix, count, ${count} AS least, ${count} AS most FROM ${day(each)}`;
    });
  }
  return monthsOf(range).map((month) => {
    const within = daysIn(range).filter((each) => Math.floor(each / monthMs) === month);
    return sql`SELECT prefix, count, ${sumOf(within.filter(isWhole(range)))} AS least, ${sumOf(within)} AS most
      FROM ${months([month])}`;
  });
}

/** In SQL the verifications of a `candidate`. */
function createdOf(range: Range, { months, day, within, isFiltered }: PrefixTables): RawBuilder<number> {
  const ofHours = (table: RawBuilder<unknown>, hours: Range) =>
    sql`SELECT sum(count) FROM ${table} WHERE prefix = candidate.prefix AND stage = 'created' AND ${within(hours)}`;
  const parts = [
    ofHours(sql`conversion`, range),
    ...[...wholeDays(range)].map(
      ([month, each]) => sql`SELECT ${sumOf(each)} FROM ${months([month])} AND prefix = candidate.prefix`,
    ),
    ...daysIn(range)
      .filter((each) => !isWhole(range)(each))
      .map((each) =>
        isFiltered
          ? ofHours(sql`conversion_prefix INDEXED BY conversion_prefix_created`, {
              from: Math.max(each, range.from),
              to: Math.min(each + dayMs, range.to),
            })
          : sql`SELECT ${hoursOfDay(each, range)} FROM ${day(each)} AND prefix = candidate.prefix`,
      ),
  ];
  return sql<number>`${sql.join(
    parts.map((part) => sql`coalesce((${part}), 0)`),
    sql` + `,
  )}`;
}

const isWhole =
  ({ from, to }: Range) =>
  (day: number) =>
    day >= from && day + dayMs <= to;

const wholeDays = (range: Range) =>
  Map.groupBy(daysIn(range).filter(isWhole(range)), (day) => Math.floor(day / monthMs));

const monthsOf = (range: Range) => [...new Set(daysIn(range).map((day) => Math.floor(day / monthMs)))];

const columns = (some: typeof days = []) => some.map(({ column }) => column);

/** In SQL the sum of these days of one month: of few columns. */
function sumOf(these: readonly number[]): RawBuilder<number> {
  const numbers = new Set(these.map((day) => (day % monthMs) / dayMs));
  const [within, others] = [true, false].map((is) => days.filter(({ number }) => numbers.has(number) === is));
  return within && others && within.length > others.length
    ? sql<number>`${sql.join([sql`count`, ...columns(others)], sql` - `)}`
    : sql<number>`${sql.join([sql`0`, ...columns(within)], sql` + `)}`;
}
