import type { AnalyticsGroupBy } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import {
  conditionsOf,
  type Counted,
  countsOf,
  daysOf,
  type Filter,
  type Grouped,
  groupLimit,
  storedHours,
} from "./matching.ts";
import { selectPrefixes, unpack } from "./prefixes.ts";
import { dayMs, hourMs } from "./range.ts";
import { hours } from "./roll-up.ts";

/** Counts of one step. */
export type Step = Pick<Counted, "stage" | "count"> & { at: number };

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
    return { total: all.rows, groups: unpack(groups.rows) };
  }
  const { rows } = await selectGroups(workspaceId, { ...filter, by }).execute(db.kysely);
  return {
    total: rows.filter(({ key }) => key === null),
    groups: rows.filter((row): row is Grouped => row.key !== null),
  };
}

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
    sql<Step>`SELECT hour / ${step} * ${step} AS at, stage, sum(count) AS count FROM ${rows} GROUP BY 1, 2`;
  const recent = byHour(sql`conversion_waiting WHERE ${hourly}`);
  const days = daysOf(workspaceId, filter);
  if (days === undefined) {
    const [stored, added] = await db.read([byHour(storedHours(workspaceId, filter)), recent]);
    return [...stored.rows, ...added.rows];
  }
  const sums = sql.raw(hours.map((hour) => `sum(${hour}) AS ${hour}`).join(", "));
  const [stored, added] = await db.read([
    sql<Omit<Step, "at"> & { day: number } & Record<string, number>>`SELECT day, stage, sum(count) AS count,
      ${sums} FROM ${days} GROUP BY 1, 2`,
    recent,
  ]);
  const steps = stored.rows.flatMap(({ day, stage, count, ...each }): Step[] =>
    stepMs === dayMs
      ? [{ at: day, stage, count }]
      : hours.map((name, hour) => ({ at: day + hour * hourMs, stage, count: each[name] ?? 0 })),
  );
  return [...steps, ...added.rows];
}
