import type { AnalyticsGroupBy, AnalyticsSummaryQuery } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { countWithin, dayOf, daysIn, listOf, monthsOf } from "./days.ts";
import type { Range } from "./range.ts";
import { type Dimension, digitCounts, leadDigits, shownBucket, wholePrefix } from "./roll-up.ts";

/** A stored count. Some stored stages are shown as another stage to some keys: see `without-account.ts`. */
export interface Counted {
  stage: string;
  /** Lower bound of the time since creation; 0 for stages without latencies. */
  bucket: number;
  count: number;
}

export type Grouped = Counted & { key: string };

/** An answer has at most so many groups. */
export const groupLimit = 100;

/** The verifications that are counted: created within the range, with these values. */
export interface Filter {
  range: Range;
  only: Pick<AnalyticsSummaryQuery, "country" | "prefix" | "sessionId" | "templateId" | "purpose" | "mode">;
}

const columns = {
  country: sql.ref("country"),
  prefix: sql.ref("prefix"),
  session: sql.ref("session_id"),
  template: sql.ref("template_id"),
  purpose: sql.ref("purpose"),
  mode: sql.ref("mode"),
} satisfies Record<AnalyticsGroupBy, unknown>;

/** Filters, by the name of their dimension. */
const dimensions: Record<keyof Filter["only"], Dimension> = {
  country: "country",
  prefix: "prefix",
  sessionId: "session",
  templateId: "template",
  purpose: "purpose",
  mode: "mode",
};

/**
 * What follows FROM: the matching rows of `conversion_prefix`. Those of a full prefix lie together. For others,
 * `conversion_month` tells which prefixes have rows.
 */
export function storedHours(workspaceId: string, filter: Filter) {
  const { range, only } = filter;
  const { prefix = "", ...values } = only;
  const table = sql`conversion_prefix`;
  if (prefix.length === wholePrefix) return sql`${table} WHERE ${conditionsOf(workspaceId, filter).hours}`;
  return sql`(SELECT DISTINCT prefix AS active_prefix FROM conversion_month WHERE workspace_id = ${workspaceId}
        AND month IN (${listOf(monthsOf(range))}) AND dimension = 'all' AND key = ''
        AND prefix >= ${prefix} AND prefix < ${`${prefix}:`})
    CROSS JOIN ${table} WHERE ${conditionsOf(workspaceId, { range, only: values }).hours} AND prefix = active_prefix`;
}

/** Counts that match, in SQL: those that are rolled up, and those that are not yet. */
export function countsOf(workspaceId: string, filter: Filter, by?: AnalyticsGroupBy) {
  const { hours: hourly } = conditionsOf(workspaceId, filter);
  const key = by === undefined ? sql`''` : columns[by];
  const hourlyFrom = (rows: RawBuilder<unknown>) =>
    sql`SELECT ${key} AS key, stage, ${shownBucket} AS bucket, count FROM ${rows}`;
  const days = daysOf(workspaceId, filter, by);
  const dayKey = groupOf(filter, by) ? sql`key` : key;
  const stored = days
    ? sql`SELECT ${dayKey} AS key, stage, bucket, ${countWithin(filter.range)} AS count FROM ${days}`
    : hourlyFrom(storedHours(workspaceId, filter));
  return sql`${stored} UNION ALL ${hourlyFrom(sql`conversion_waiting WHERE ${hourly}`)}`;
}

interface Group {
  dimension: Dimension;
  /** Undefined: all groups. */
  key: string | undefined;
}

/** The groups of `conversion_group` that these values name. */
export function groupsOf(only: Filter["only"]) {
  return Object.entries(only).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const dimension = dimensions[name as keyof typeof only];
    return [{ dimension, key: dimension === "template" && value === "built-in" ? "" : value }];
  });
}

/** The groups that an answer with at most one dimension has; undefined for an answer with several. */
function groupOf({ only }: Filter, by?: AnalyticsGroupBy): Group | undefined {
  const [first, ...more] = groupsOf(only);
  if (first === undefined) return { dimension: by ?? "all", key: undefined };
  return more.length > 0 || (by !== undefined && by !== first.dimension) ? undefined : first;
}

/** The rows of days that have the counts, in SQL; undefined if only the counts by prefix and hour have them. */
export function daysOf(workspaceId: string, filter: Filter, by?: AnalyticsGroupBy) {
  const group = groupOf(filter, by);
  if (group) {
    const ofKey = group.key === undefined ? sql`` : sql`AND ${isKey(group.dimension, group.key)}`;
    return sql`conversion_group WHERE ${inGroups(workspaceId, daysIn(filter.range), group.dimension)} ${ofKey}`;
  }
  const { prefix = "" } = filter.only;
  if (prefix.length > leadDigits) return undefined;
  return sql`conversion_day WHERE ${conditionsOf(workspaceId, filter).days}`;
}

const isKey = (dimension: Dimension, key: string) =>
  dimension === "prefix" && !digitCounts.includes(key.length)
    ? sql`key >= ${key} AND key < ${`${key}:`}`
    : sql`key = ${key}`;

/** The days are values, not a range: a search by the primary key goes on to the dimension and the key. */
export function inGroups(workspaceId: string, these: readonly number[], dimension: Dimension) {
  return sql`workspace_id = ${workspaceId} AND day IN (${listOf(these)}) AND dimension = ${sql.lit(dimension)}`;
}

export function conditionsOf(workspaceId: string, { range: { from, to }, only }: Filter) {
  const { country, prefix, sessionId, templateId, purpose, mode } = only;
  const all = (...more: RawBuilder<unknown>[]) =>
    sql.join(
      [
        sql`workspace_id = ${workspaceId}`,
        ...more,
        ...(country === undefined ? [] : [sql`country = ${country}`]),
        ...(sessionId === undefined ? [] : [sql`session_id = ${sessionId}`]),
        ...(templateId === undefined ? [] : [sql`template_id = ${templateId === "built-in" ? "" : templateId}`]),
        ...(purpose === undefined ? [] : [sql`purpose = ${purpose}`]),
        ...(mode === undefined ? [] : [sql`mode = ${mode}`]),
      ],
      sql` AND `,
    );
  const begins = (column: RawBuilder<unknown>) => {
    if (prefix === undefined) return [];
    // In ASCII, ':' follows '9'.
    return [
      prefix.length === wholePrefix
        ? sql`prefix = ${prefix}`
        : sql`${column} >= ${prefix} AND ${column} < ${`${prefix}:`}`,
    ];
  };
  return {
    hours: all(sql`hour >= ${from} AND hour < ${to}`, ...begins(columns.prefix)),
    days: all(sql`day >= ${dayOf(from)} AND day < ${to}`, ...begins(sql.ref("lead"))),
  };
}
