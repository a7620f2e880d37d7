import { type RawBuilder, sql } from "kysely";
import {
  countOfMonth,
  countWithin,
  daysByMonth,
  daysIn,
  edgeDays,
  edgesOf,
  listOf,
  monthsOf,
  wholeDays,
} from "./days.ts";
import { conditionsOf, type Filter, type Grouped, groupLimit, groupsOf, inGroups } from "./matching.ts";
import type { Range } from "./range.ts";
import { shownBucket } from "./roll-up.ts";

/** A number in the statement: with a parameter, SQLite does not know how few rows these are, and its plan takes twice as long. */
const limit = sql.lit(groupLimit);

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
  const { range } = filter;
  const tables = tablesOf(workspaceId, filter);
  // A resend may use another session: a prefix may have codes that were sent, and none that was created.
  const others = sql`SELECT DISTINCT prefix FROM (
      SELECT prefix FROM ${tables.listed(sql`IN (${listOf(monthsOf(range))})`)} AND EXISTS (SELECT 1 FROM conversion_prefix c
        WHERE c.prefix = conversion_month.prefix AND ${tables.within(range)})
      UNION ALL SELECT prefix FROM ${tables.waiting})
    WHERE prefix NOT IN (SELECT key FROM ranked) ORDER BY prefix LIMIT ${limit} - (SELECT count(*) FROM ranked)`;
  return sql<Packed>`WITH ${rankLargest(range, tables)}, top AS MATERIALIZED (
      SELECT key, row_number() OVER (ORDER BY created DESC, key) AS rank FROM (
        SELECT key, created FROM ranked UNION ALL SELECT prefix, 0 FROM (${others})))
    SELECT key, (SELECT json_group_array(json_array(stage, bucket, count)) FROM (
        SELECT stage, bucket, sum(count) AS count FROM (${countsOfTop(workspaceId, range, tables)})
        WHERE count > 0 GROUP BY stage, bucket)) AS tallies
    FROM top ORDER BY rank`;
}

/** In SQL the counts of a prefix of `top`. Without a filter, those of whole days come from months. */
function countsOfTop(workspaceId: string, range: Range, { isFiltered, within }: PrefixTables) {
  const hourly = (table: RawBuilder<unknown>) =>
    sql`SELECT stage, ${shownBucket} AS bucket, count FROM (SELECT stage, bucket, sum(count) AS count FROM ${table} c
        WHERE c.prefix = top.key AND ${within(range)} GROUP BY stage, bucket)`;
  const [months, edges] = [[...wholeDays(range).keys()], edgeDays(range)];
  const byMonth = sql`SELECT stage, bucket, ${countOfMonth(wholeDays(range))} AS count FROM conversion_month c
        WHERE workspace_id = ${workspaceId} AND month IN (${listOf(months)}) AND dimension = 'prefix' AND c.key = top.key`;
  const byDay = sql`SELECT stage, bucket, ${countWithin(range)} AS count FROM conversion_group c
        WHERE ${inGroups(workspaceId, edges, "prefix")} AND c.key = top.key`;
  const stored = isFiltered ? [hourly(sql`conversion_prefix`)] : [...given(months, byMonth), ...given(edges, byDay)];
  return joined([...stored, hourly(sql`conversion_waiting`)], sql`UNION ALL`);
}

/** The part of a statement, if its list has items. */
const given = (list: readonly unknown[], part: RawBuilder<unknown>) => (list.length > 0 ? [part] : []);

const joined = (parts: RawBuilder<unknown>[], by: RawBuilder<unknown>) => sql.join(parts, sql` ${by} `);

interface PrefixTables {
  isFiltered: boolean;
  /** What follows FROM: the prefixes with rows in these months. All that match are among them. */
  listed: (months: RawBuilder<unknown>) => RawBuilder<unknown>;
  /** The same for a search by count. Undefined with a filter: there is no index for it. */
  byCount: PrefixTables["listed"] | undefined;
  /** What follows FROM: the counts that are not rolled up. */
  waiting: RawBuilder<unknown>;
  /** The condition of all filters but the prefix. */
  within: (range: Range) => RawBuilder<unknown>;
  /** In SQL the verifications of a prefix, of those that are rolled up. */
  createdOf: (prefix: RawBuilder<unknown>) => RawBuilder<unknown>;
}

function tablesOf(workspaceId: string, filter: Filter): PrefixTables {
  const { range } = filter;
  const { prefix = "", ...values } = filter.only;
  const groups = groupsOf(values);
  const isGroup =
    groups.length > 1
      ? sql`(dimension, key) = (${rarestOf(workspaceId, range, groups)})`
      : sql`dimension = ${sql.lit(groups[0]?.dimension ?? "all")} AND key = ${groups[0]?.key ?? sql.lit("")}`;
  const begins = prefix === "" ? sql`` : sql`AND prefix >= ${prefix} AND prefix < ${`${prefix}:`}`;
  const listed = (months: RawBuilder<unknown>) =>
    sql`conversion_month WHERE workspace_id = ${workspaceId} AND month ${months} AND ${isGroup} ${begins}`;
  const byCount = (months: RawBuilder<unknown>) =>
    sql`conversion_month INDEXED BY conversion_month_count WHERE workspace_id = ${workspaceId} AND month ${months} AND dimension = 'all'`;
  const within = (hours: Range) => conditionsOf(workspaceId, { range: hours, only: values }).hours;
  const ofHours = (hours: Range, of: RawBuilder<unknown>) =>
    sql`SELECT sum(count) FROM conversion_prefix INDEXED BY conversion_prefix_created
        WHERE prefix = ${of} AND stage = 'created' AND ${within(hours)}`;
  const [months, edges] = [[...wholeDays(range).keys()], edgeDays(range)];
  const partsOf = (of: RawBuilder<unknown>) => {
    if (groups.length > 1) return [ofHours(range, of)];
    const byMonth = sql`SELECT sum(${countOfMonth(wholeDays(range))}) FROM ${listed(sql`IN (${listOf(months)})`)} AND prefix = ${of}`;
    const byDay = sql`SELECT sum(${countWithin(range)}) FROM conversion_group
        WHERE ${inGroups(workspaceId, edges, "prefix")} AND key = ${of} AND stage = 'created'`;
    const ofEdges = groups.length === 1 ? edgesOf(range).map((hours) => ofHours(hours, of)) : given(edges, byDay);
    return [...given(months, byMonth), ...ofEdges];
  };
  return {
    isFiltered: groups.length > 0,
    listed,
    byCount: prefix === "" && groups.length === 0 ? byCount : undefined,
    waiting: sql`conversion_waiting WHERE ${conditionsOf(workspaceId, filter).hours}`,
    within,
    createdOf: (of) =>
      joined(
        partsOf(of).map((part) => sql`coalesce((${part}), 0)`),
        sql`+`,
      ),
  };
}

/** In SQL the group that has the fewest verifications on the range's days. */
function rarestOf(workspaceId: string, range: Range, groups: ReturnType<typeof groupsOf>) {
  const rows = groups.map(({ dimension, key }) => sql`SELECT ${dimension} AS dimension, ${key} AS key`);
  return sql`SELECT dimension, key FROM (${sql.join(rows, sql` UNION ALL `)}) g ORDER BY (
      SELECT sum(count) FROM conversion_group c WHERE c.workspace_id = ${workspaceId} AND day IN (${listOf(daysIn(range))})
        AND c.dimension = g.dimension AND c.key = g.key AND stage = 'created') LIMIT 1`;
}

/** In SQL the verifications of a month's row, of all days with hours of the range. */
const mostOf = (range: Range) => countOfMonth(daysByMonth(range));

/**
 * In SQL `ranked`: the largest prefixes, without sums for all others. Each month has a list of prefixes, with `most`
 * verifications in the range. `largest` are the first of them, and `candidate` are those that can be as large.
 */
function rankLargest(range: Range, tables: PrefixTables) {
  const { waiting, createdOf } = tables;
  return sql`${largeOf(range, tables)},
    largest AS MATERIALIZED (${firstOf(range, (month) => sql`SELECT * FROM large WHERE at = ${month} ORDER BY most`)}),
    ${leastOf("largest", createdOf)},
    added AS MATERIALIZED (SELECT prefix, sum(count) AS created FROM ${waiting} AND stage = 'created' GROUP BY prefix),
    candidate AS MATERIALIZED (SELECT prefix FROM large JOIN least_largest USING (at) WHERE most >= least
      UNION SELECT prefix FROM added),
    ranked AS MATERIALIZED (SELECT prefix AS key, sum(created) AS created FROM (
        SELECT prefix, ${createdOf(sql`candidate.prefix`)} AS created FROM candidate UNION ALL SELECT * FROM added)
      GROUP BY prefix HAVING sum(created) > 0 ORDER BY created DESC, key LIMIT ${limit})`;
}

/**
 * In SQL `large`: the lists of the months. Where they can be searched by count, they lack most of the prefixes that are
 * smaller than `likely`, those with the largest counts of whole months.
 */
function largeOf(range: Range, { listed, byCount, createdOf }: PrefixTables) {
  const most = mostOf(range);
  const large = sql`large AS MATERIALIZED (SELECT month AS at, prefix, ${most} AS most FROM`;
  if (!byCount) return sql`${large} ${listed(sql`IN (${listOf(monthsOf(range))})`)} AND ${most} > 0)`;
  return sql`first AS MATERIALIZED (${firstOf(range, (month) => sql`SELECT month AS at, prefix AS of FROM ${byCount(sql`= ${month}`)} ORDER BY count`)}),
    likely AS MATERIALIZED (SELECT at, prefix, ${most} AS most FROM first CROSS JOIN ${listed(sql`= at`)} AND prefix = of),
    ${leastOf("likely", createdOf)},
    ${large} least_likely CROSS JOIN ${byCount(sql`= at`)} AND count >= least AND ${most} >= least)`;
}

/** In SQL the first rows of each month: of statements that end with the column by which they are sorted. */
const firstOf = (range: Range, of: (month: RawBuilder<unknown>) => RawBuilder<unknown>) =>
  joined(
    monthsOf(range).map((month) => sql`SELECT * FROM (${of(sql.lit(month))} DESC LIMIT ${limit})`),
    sql`UNION ALL`,
  );

/**
 * In SQL `least_…`: the verifications that one of the largest prefixes has in one of the months or more, or it has counts
 * that are not rolled up. `groupLimit` prefixes of the table have `enough` verifications or more, so each of the largest has
 * as many. The months share that number.
 */
function leastOf(table: string, createdOf: PrefixTables["createdOf"]) {
  const [of, enough, least] = [sql.raw(table), sql.raw(`enough_${table}`), sql.raw(`least_${table}`)];
  return sql`${enough} AS MATERIALIZED (SELECT ${createdOf(sql`each.prefix`)} AS created FROM (SELECT DISTINCT prefix FROM ${of}) each
      ORDER BY created DESC LIMIT 1 OFFSET ${sql.lit(groupLimit - 1)}),
    ${least} AS MATERIALIZED (SELECT at, max(1, coalesce((SELECT created FROM ${enough}), 0) * most / sum(most) OVER ()) AS least
      FROM (SELECT at, max(1, max(most)) AS most FROM ${of} GROUP BY at))`;
}
