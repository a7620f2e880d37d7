import { type AnalyticsGroupBy, type AnalyticsSummaryQuery, timedStages } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Range } from "./range.ts";
import { unseenSent } from "./without-account.ts";

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
const bucket = sql`CASE WHEN stage IN (${sql.join([...timedStages, unseenSent].map((stage) => sql.lit(stage)))})
  THEN bucket ELSE 0 END`;

/** `FROM` and `WHERE`: a full prefix is read by the primary key, everything else by the hour. */
function rowsOf(workspaceId: string, { range, only }: Filter) {
  const { country, prefix, sessionId, templateId, purpose, mode } = only;
  const isWhole = prefix?.length === wholePrefix;
  const conditions = [
    sql`workspace_id = ${workspaceId} AND hour >= ${range.from} AND hour < ${range.to}`,
    // In ASCII, ':' follows '9'.
    ...(prefix === undefined
      ? []
      : [isWhole ? sql`prefix = ${prefix}` : sql`prefix >= ${prefix} AND prefix < ${`${prefix}:`}`]),
    ...(country === undefined ? [] : [sql`country = ${country}`]),
    ...(sessionId === undefined ? [] : [sql`session_id = ${sessionId}`]),
    ...(templateId === undefined ? [] : [sql`template_id = ${templateId === "built-in" ? "" : templateId}`]),
    ...(purpose === undefined ? [] : [sql`purpose = ${purpose}`]),
    ...(mode === undefined ? [] : [sql`mode = ${mode}`]),
  ];
  const table = isWhole ? sql`conversion` : sql`conversion INDEXED BY conversion_hour`;
  return sql`FROM ${table} WHERE ${sql.join(conditions, sql` AND `)}`;
}

/** The counts of each stage and latency bucket. */
export const selectTotals = (db: Db, workspaceId: string, filter: Filter) =>
  sql<Counted>`SELECT stage, ${bucket} AS bucket, sum(count) AS count ${rowsOf(workspaceId, filter)}
    GROUP BY 1, 2`.compile(db.kysely);

/** The same for each group, the largest groups first. */
export function selectGroups(db: Db, workspaceId: string, { by, ...filter }: Filter & { by: AnalyticsGroupBy }) {
  const rows = rowsOf(workspaceId, filter);
  const key = columns[by];
  return sql<Counted & { key: string }>`WITH top AS MATERIALIZED (
      SELECT ${key} AS key, sum(CASE stage WHEN 'created' THEN count ELSE 0 END) AS created ${rows}
      GROUP BY 1 ORDER BY created DESC, key LIMIT ${groupLimit})
    SELECT top.key, c.stage, c.bucket, c.count
    FROM (SELECT ${key} AS key, stage, ${bucket} AS bucket, sum(count) AS count ${rows}
      AND ${key} IN (SELECT key FROM top) GROUP BY 1, 2, 3) c
    JOIN top ON top.key = c.key ORDER BY top.created DESC, top.key`.compile(db.kysely);
}

/** The counts of each stage in each step; steps without verifications have no rows. */
export function selectSteps(db: Db, workspaceId: string, { stepMs, ...filter }: Filter & { stepMs: number }) {
  // A literal: the client binds numbers as floats, and a division of floats keeps the fraction.
  const step = sql.lit(stepMs);
  return sql<Pick<Counted, "stage" | "count"> & { at: number }>`SELECT hour / ${step} * ${step} AS at, stage,
      sum(count) AS count ${rowsOf(workspaceId, filter)} GROUP BY 1, 2`.compile(db.kysely);
}
