import type { AnalyticsGroupBy, AnalyticsSummaryQuery } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { dayMs, hourMs, type Range } from "./range.ts";
import { type Dimension, hours, leadDigits, shownBucket, wholePrefix } from "./roll-up.ts";

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

/** A full prefix is read by the primary key, others by the hour. */
export const prefixTable = ({ only: { prefix } }: Filter) =>
  prefix?.length === wholePrefix ? sql`conversion_prefix` : sql`conversion_prefix INDEXED BY conversion_prefix_hour`;

/** Counts that match, in SQL: those that are rolled up, and those that are not yet. */
export function countsOf(workspaceId: string, filter: Filter, by?: AnalyticsGroupBy) {
  const { hours: hourly } = conditionsOf(workspaceId, filter);
  const key = by === undefined ? sql`''` : columns[by];
  const hourlyFrom = (rows: RawBuilder<unknown>) =>
    sql`SELECT ${key} AS key, stage, ${shownBucket} AS bucket, count FROM ${rows} WHERE ${hourly}`;
  const days = daysOf(workspaceId, filter, by);
  const dayKey = groupOf(filter, by) ? sql`key` : key;
  const stored = days
    ? sql`SELECT ${dayKey} AS key, stage, bucket, ${countWithin(filter.range)} AS count FROM ${days}`
    : hourlyFrom(prefixTable(filter));
  return sql`${stored} UNION ALL ${hourlyFrom(sql`conversion`)}`;
}

interface Group {
  dimension: Dimension;
  /** Undefined: all groups. */
  key: string | undefined;
}

/** The groups that an answer with at most one dimension has; undefined for an answer with several. */
export function groupOf({ only }: Filter, by?: AnalyticsGroupBy): Group | undefined {
  const [first, ...more] = Object.entries(only).filter(([, value]) => value !== undefined);
  if (first === undefined) return { dimension: by ?? "all", key: undefined };
  const dimension = dimensions[first[0] as keyof typeof only];
  if (more.length > 0 || (by !== undefined && by !== dimension)) return undefined;
  return { dimension, key: dimension === "template" && first[1] === "built-in" ? "" : first[1] };
}

/** The rows of days that have the counts, in SQL; undefined if only the counts by prefix and hour have them. */
export function daysOf(workspaceId: string, filter: Filter, by?: AnalyticsGroupBy) {
  const group = groupOf(filter, by);
  if (group) {
    const ofKey = group.key === undefined ? sql`` : sql`AND key = ${group.key}`;
    return sql`conversion_group WHERE ${inGroups(workspaceId, filter, group)} ${ofKey}`;
  }
  const { prefix = "" } = filter.only;
  if (prefix.length > leadDigits) return undefined;
  return sql`conversion_day WHERE ${conditionsOf(workspaceId, filter).days}`;
}

/** The days are values, not a range: a search by the primary key goes on to the dimension and the key. */
export function inGroups(workspaceId: string, { range: { from, to } }: Filter, { dimension }: Group) {
  const first = dayOf(from);
  const days = Array.from({ length: Math.ceil((to - first) / dayMs) }, (_, i) => first + i * dayMs);
  return sql`workspace_id = ${workspaceId} AND day IN (${sql.join(days)}) AND dimension = ${dimension}`;
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

export const dayOf = (at: number) => Math.floor(at / dayMs) * dayMs;

/** In SQL the counts of a day's row that lie in the range. */
export function countWithin({ from, to }: Range): RawBuilder<number> {
  const part = (day: number) =>
    sql.join(
      hours.flatMap(({ hour, column }) => (day + hour * hourMs >= from && day + hour * hourMs < to ? [column] : [])),
      sql` + `,
    );
  const edges = [...new Set([dayOf(from), dayOf(to - 1)])].map((day) => sql`WHEN ${day} THEN ${part(day)}`);
  return sql<number>`CASE day ${sql.join(edges, sql` `)} ELSE count END`;
}
