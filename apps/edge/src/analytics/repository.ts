import type { AnalyticsGroupBy, AnalyticsSummaryQuery } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { dayMs, hourMs, type Range } from "./range.ts";
import { hours, leadDigits, shownBucket } from "./roll-up.ts";

/** The verifications that are counted: created within the range, with these values. */
export interface Filter {
  range: Range;
  only: Pick<AnalyticsSummaryQuery, "country" | "prefix" | "sessionId" | "templateId" | "purpose" | "mode">;
}

/** A stored count. Some stored stages are shown as another stage to some keys: see `without-account.ts`. */
export interface Counted {
  stage: string;
  /** Lower bound of the time since creation; 0 for stages without latencies. */
  bucket: number;
  count: number;
}

/** Counts of one step. */
export type Step = Pick<Counted, "stage" | "count"> & { at: number };

const columns = {
  country: sql.ref("country"),
  prefix: sql.ref("prefix"),
  session: sql.ref("session_id"),
  template: sql.ref("template_id"),
  purpose: sql.ref("purpose"),
  mode: sql.ref("mode"),
} satisfies Record<AnalyticsGroupBy, unknown>;

const groupLimit = 100;
const wholePrefix = 7;

/** The counts of each stage and latency bucket: all together, and for each group, the largest groups first. */
export async function findSummary(
  db: Db,
  workspaceId: string,
  { by, ...filter }: Filter & { by: AnalyticsGroupBy | undefined },
): Promise<{ total: Counted[]; groups: Grouped[] }> {
  const total = selectTotal(workspaceId, filter);
  if (by === undefined) return { total: (await total.execute(db.kysely)).rows, groups: [] };
  if (by === "prefix") {
    const [all, groups] = await db.read([total, selectPrefixes(workspaceId, filter)]);
    return { total: all.rows, groups: groups.rows };
  }
  const { rows } = await selectGroups(workspaceId, { ...filter, by }).execute(db.kysely);
  return {
    total: rows.filter(({ key }) => key === null),
    groups: rows.filter((row): row is Grouped => row.key !== null),
  };
}

type Grouped = Counted & { key: string };

const selectTotal = (workspaceId: string, filter: Filter) =>
  sql<Counted>`SELECT stage, bucket, sum(count) AS count FROM (${countsOf(workspaceId, filter)}) WHERE count > 0
    GROUP BY 1, 2`;

/** The groups, and before them with a null key their total: the stored counts are read once. */
function selectGroups(workspaceId: string, { by, ...filter }: Filter & { by: Exclude<AnalyticsGroupBy, "prefix"> }) {
  return sql<Counted & { key: string | null }>`WITH counted AS MATERIALIZED (
      SELECT key, stage, bucket, sum(count) AS count FROM (${countsOf(workspaceId, filter, columns[by])})
      WHERE count > 0 GROUP BY 1, 2, 3),
    top AS MATERIALIZED (SELECT key, sum(iif(stage = 'created', count, 0)) AS created FROM counted
      GROUP BY 1 ORDER BY created DESC, key LIMIT ${groupLimit})
    SELECT NULL AS key, stage, bucket, sum(count) AS count FROM counted GROUP BY 2, 3
    UNION ALL SELECT * FROM (SELECT top.key, stage, bucket, count FROM top CROSS JOIN counted ON counted.key = top.key
      ORDER BY top.created DESC, top.key)`;
}

/** There are many prefixes: they are ranked first, and the counts of the largest ones are read by the primary key. */
function selectPrefixes(workspaceId: string, filter: Filter) {
  const { hours: hourly } = conditionsOf(workspaceId, filter);
  const created = (rows: RawBuilder<unknown>) =>
    sql`SELECT prefix, count FROM ${rows} WHERE stage = 'created' AND ${hourly}`;
  const others = sql`SELECT DISTINCT prefix, 0 FROM conversion_by_prefix
    WHERE ${hourly} AND prefix NOT IN (SELECT key FROM ranked)`;
  const ofTop = (table: "conversion_prefix" | "conversion") =>
    sql`SELECT created, key, stage, ${shownBucket} AS bucket, count FROM top CROSS JOIN ${sql.table(table)} c
      WHERE c.prefix = top.key AND ${hourly}`;
  // A resend may use another session: a prefix may have codes that were sent, and none that was created.
  return sql<Grouped>`WITH ranked AS MATERIALIZED (SELECT prefix AS key, sum(count) AS created FROM (
        ${created(sql`conversion_prefix INDEXED BY conversion_prefix_created`)} UNION ALL ${created(sql`conversion`)})
      GROUP BY 1 ORDER BY created DESC, key LIMIT ${groupLimit}),
    top AS MATERIALIZED (SELECT * FROM ranked UNION ALL SELECT * FROM (
      ${others} ORDER BY prefix LIMIT ${groupLimit} - (SELECT count(*) FROM ranked)))
    SELECT key, stage, bucket, sum(count) AS count
    FROM (${ofTop("conversion_prefix")} UNION ALL ${ofTop("conversion")})
    GROUP BY created, 1, 2, 3 ORDER BY created DESC, key`;
}

/** The counts of each stage in each step; steps without verifications have no rows. */
export async function findSteps(
  db: Db,
  workspaceId: string,
  { stepMs, ...filter }: Filter & { stepMs: number },
): Promise<Step[]> {
  const { days, hours: hourly } = conditionsOf(workspaceId, filter);
  // A literal: the client binds numbers as floats, and a division of floats keeps the fraction.
  const step = sql.lit(stepMs);
  const byHour = (rows: RawBuilder<unknown>) =>
    sql<Step>`SELECT hour / ${step} * ${step} AS at, stage, sum(count) AS count FROM ${rows} WHERE ${hourly}
      GROUP BY 1, 2`;
  const recent = byHour(sql`conversion`);
  if (isByPrefix(filter)) {
    const [stored, added] = await db.read([byHour(prefixTable(filter)), recent]);
    return [...stored.rows, ...added.rows];
  }
  const sums = hours.map(({ column }) => sql`sum(${column}) AS ${column}`);
  const [stored, added] = await db.read([
    sql<Omit<Step, "at"> & { day: number } & Record<string, number>>`SELECT day, stage, sum(count) AS count,
      ${sql.join(sums)} FROM conversion_day WHERE ${days} GROUP BY 1, 2`,
    recent,
  ]);
  const steps = stored.rows.flatMap(({ day, stage, count, ...each }): Step[] =>
    stepMs === dayMs
      ? [{ at: day, stage, count }]
      : hours.map(({ hour }) => ({ at: day + hour * hourMs, stage, count: each[`h${hour}`] ?? 0 })),
  );
  return [...steps, ...added.rows];
}

/** Days have no prefixes but their first digits. */
const isByPrefix = ({ only: { prefix = "" } }: Filter) => prefix.length > leadDigits;

/** A full prefix is read by the primary key, others by the hour. */
const prefixTable = ({ only: { prefix } }: Filter) =>
  prefix?.length === wholePrefix ? sql`conversion_prefix` : sql`conversion_prefix INDEXED BY conversion_prefix_hour`;

/** Counts that match, in SQL: those that are rolled up, and those that are not yet. */
function countsOf(workspaceId: string, filter: Filter, key: RawBuilder<unknown> = sql`''`) {
  const { days, hours: hourly } = conditionsOf(workspaceId, filter);
  const hourlyFrom = (rows: RawBuilder<unknown>) =>
    sql`SELECT ${key} AS key, stage, ${shownBucket} AS bucket, count FROM ${rows} WHERE ${hourly}`;
  const stored = isByPrefix(filter)
    ? hourlyFrom(prefixTable(filter))
    : sql`SELECT ${key} AS key, stage, bucket, ${countWithin(filter.range)} AS count
          FROM conversion_day WHERE ${days}`;
  return sql`${stored} UNION ALL ${hourlyFrom(sql`conversion`)}`;
}

function conditionsOf(workspaceId: string, { range: { from, to }, only }: Filter) {
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

const dayOf = (at: number) => Math.floor(at / dayMs) * dayMs;

/** In SQL the counts of a day's row that lie in the range. */
function countWithin({ from, to }: Range): RawBuilder<number> {
  const part = (day: number) =>
    sql.join(
      hours.flatMap(({ hour, column }) => (day + hour * hourMs >= from && day + hour * hourMs < to ? [column] : [])),
      sql` + `,
    );
  const edges = [...new Set([dayOf(from), dayOf(to - 1)])].map((day) => sql`WHEN ${day} THEN ${part(day)}`);
  return sql<number>`CASE day ${sql.join(edges, sql` `)} ELSE count END`;
}
