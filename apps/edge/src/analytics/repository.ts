import type { AnalyticsGroupBy } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import {
  conditionsOf,
  countWithin,
  countsOf,
  dayOf,
  daysOf,
  type Filter,
  groupOf,
  inGroups,
  prefixTable,
} from "./matching.ts";
import { dayMs, hourMs } from "./range.ts";
import { hours, monthMs, shownBucket } from "./roll-up.ts";

/** A stored count. Some stored stages are shown as another stage to some keys: see `without-account.ts`. */
export interface Counted {
  stage: string;
  /** Lower bound of the time since creation; 0 for stages without latencies. */
  bucket: number;
  count: number;
}

/** Counts of one step. */
export type Step = Pick<Counted, "stage" | "count"> & { at: number };

const groupLimit = 100;

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
      SELECT key, stage, bucket, sum(count) AS count FROM (${countsOf(workspaceId, filter, by)})
      WHERE count > 0 GROUP BY 1, 2, 3),
    top AS MATERIALIZED (SELECT key, sum(iif(stage = 'created', count, 0)) AS created FROM counted
      GROUP BY 1 ORDER BY created DESC, key LIMIT ${groupLimit})
    SELECT NULL AS key, stage, bucket, sum(count) AS count FROM counted GROUP BY 2, 3
    UNION ALL SELECT * FROM (SELECT top.key, stage, bucket, count FROM top CROSS JOIN counted ON counted.key = top.key
      ORDER BY top.created DESC, top.key)`;
}

/** There are many prefixes: they are ranked first, and only the counts of the largest ones are read. */
function selectPrefixes(workspaceId: string, filter: Filter) {
  const { hours: hourly } = conditionsOf(workspaceId, filter);
  const single = groupOf(filter, "prefix");
  const hourlyCounts = (table: "conversion_prefix" | "conversion") =>
    sql`SELECT created, key, stage, ${shownBucket} AS bucket, count FROM top CROSS JOIN ${sql.table(table)} c
      WHERE c.prefix = top.key AND ${hourly}`;
  const created = (rows: RawBuilder<unknown>) =>
    sql`SELECT prefix, count FROM ${rows} WHERE stage = 'created' AND ${hourly}`;
  const stored = single
    ? {
        created: selectRanks(workspaceId, filter, sql`TRUE`),
        any: selectRanks(
          workspaceId,
          filter,
          sql`EXISTS (SELECT 1 FROM conversion_group c
          WHERE ${inGroups(workspaceId, filter, single)} AND c.key = r.prefix AND ${countWithin(filter.range)} > 0)`,
        ),
        counts: sql`SELECT created, top.key, stage, bucket, ${countWithin(filter.range)} AS count FROM top
          CROSS JOIN conversion_group c WHERE ${inGroups(workspaceId, filter, single)} AND c.key = top.key`,
      }
    : {
        created: created(sql`conversion_prefix INDEXED BY conversion_prefix_created`),
        any: sql`SELECT prefix, 0 FROM ${prefixTable(filter)} WHERE ${hourly}`,
        counts: hourlyCounts("conversion_prefix"),
      };
  // A resend may use another session: a prefix may have codes that were sent, and none that was created.
  const others = sql`SELECT DISTINCT prefix, 0 FROM (
      ${stored.any} UNION ALL SELECT prefix, 0 FROM conversion WHERE ${hourly})
    WHERE prefix NOT IN (SELECT key FROM ranked) ORDER BY prefix LIMIT ${groupLimit} - (SELECT count(*) FROM ranked)`;
  return sql<Grouped>`WITH ranked AS MATERIALIZED (SELECT prefix AS key, sum(count) AS created FROM (
        ${stored.created} UNION ALL ${created(sql`conversion`)})
      GROUP BY 1 HAVING sum(count) > 0 ORDER BY created DESC, key LIMIT ${groupLimit}),
    top AS MATERIALIZED (SELECT * FROM ranked UNION ALL SELECT * FROM (${others}))
    SELECT key, stage, bucket, sum(count) AS count FROM (${stored.counts} UNION ALL ${hourlyCounts("conversion")})
    WHERE count > 0 GROUP BY created, 1, 2, 3 ORDER BY created DESC, key`;
}

/** How many verifications each prefix has, in the order of the table's key: the sums of few months are fast. */
function selectRanks(workspaceId: string, { range, only: { prefix = "" } }: Filter, where: RawBuilder<unknown>) {
  const first = Math.floor(range.from / monthMs);
  const months = Array.from({ length: Math.floor((range.to - 1) / monthMs) - first + 1 }, (_, i) => first + i);
  return sql.join(
    months.map(
      (month) => sql`SELECT prefix, sum(${countWithin(range)}) AS count FROM conversion_rank r
        WHERE workspace_id = ${workspaceId} AND month = ${month} AND prefix >= ${prefix} AND prefix < ${`${prefix}:`}
        AND day >= ${dayOf(range.from)} AND day < ${range.to} AND ${where} GROUP BY prefix`,
    ),
    sql` UNION ALL `,
  );
}

/** The counts of each stage in each step; steps without verifications have no rows. */
export async function findSteps(
  db: Db,
  workspaceId: string,
  { stepMs, ...filter }: Filter & { stepMs: number },
): Promise<Step[]> {
  const { hours: hourly } = conditionsOf(workspaceId, filter);
  // A literal: the client binds numbers as floats, and a division of floats keeps the fraction.
  const step = sql.lit(stepMs);
  const byHour = (rows: RawBuilder<unknown>) =>
    sql<Step>`SELECT hour / ${step} * ${step} AS at, stage, sum(count) AS count FROM ${rows} WHERE ${hourly}
      GROUP BY 1, 2`;
  const recent = byHour(sql`conversion`);
  const days = daysOf(workspaceId, filter);
  if (days === undefined) {
    const [stored, added] = await db.read([byHour(prefixTable(filter)), recent]);
    return [...stored.rows, ...added.rows];
  }
  const sums = hours.map(({ column }) => sql`sum(${column}) AS ${column}`);
  const [stored, added] = await db.read([
    sql<Omit<Step, "at"> & { day: number } & Record<string, number>>`SELECT day, stage, sum(count) AS count,
      ${sql.join(sums)} FROM ${days} GROUP BY 1, 2`,
    recent,
  ]);
  const steps = stored.rows.flatMap(({ day, stage, count, ...each }): Step[] =>
    stepMs === dayMs
      ? [{ at: day, stage, count }]
      : hours.map(({ hour }) => ({ at: day + hour * hourMs, stage, count: each[`h${hour}`] ?? 0 })),
  );
  return [...steps, ...added.rows];
}
