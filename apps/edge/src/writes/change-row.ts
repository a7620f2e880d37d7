import { AppError, type ErrorCode } from "@sandi/contracts";
import type { Queries } from "@sandi/libsql";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import type { Tables } from "../db/schema.ts";
import { commitAs } from "./commit-as.ts";

interface Change<Row> {
  table: keyof Tables;
  /** The name of the row in errors, such as `alert channel`. */
  name: string;
  find: (at: number) => Promise<Row | undefined>;
  /** The error when there is no such row. */
  missing: ErrorCode;
  /** Returns the changed row, or throws. Runs again if another request changed the row meanwhile. */
  decide: (row: Row, at: number) => Row | Promise<Row>;
  /** The columns that the decision reads or changes. */
  columns: readonly (keyof Row & string)[];
  /** The audit entry's action. */
  action: string;
  /** The audit entry's detail. Without any, the change is stored without an entry. */
  detail: (before: Row, after: Row) => Record<string, unknown>;
  /** Other statements of the same batch. */
  also?: (before: Row, after: Row, at: number) => Queries;
}

const attempts = 5;

/**
 * Changes a row that other requests may change at the same time: reads it, decides, and stores the change with its audit
 * entry only if the columns did not change meanwhile. Returns the row. If the decision changes nothing, nothing is stored.
 */
export async function changeRow<Row extends { id: string }>(ctx: Context, change: Change<Row>): Promise<Row> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const stored = await changeOnce(ctx, change);
    if (stored) return stored;
  }
  const detail = `Other requests change the ${change.name} at the same time.`;
  throw new AppError("database-unavailable", { detail, retryAfter: 1 });
}

/** Returns undefined if another request changed the row meanwhile. */
async function changeOnce<Row extends { id: string }>(ctx: Context, change: Change<Row>): Promise<Row | undefined> {
  const { table, columns } = change;
  const at = ctx.services.now().getTime();
  const before = await change.find(at);
  if (!before) throw new AppError(change.missing);
  const decided = await change.decide(before, at);
  const changed = columns.filter((name) => decided[name] !== before[name]);
  if (changed.length === 0) return before;
  const stamp = "updatedAt" in before ? { updatedAt: at } : {};
  const after = { ...decided, ...stamp };
  const values = Object.entries({ ...pick(after, changed), ...stamp });
  const detail = change.detail(before, after);
  const isSame = columns.map((name) => sql`${sql.ref(name)} IS ${before[name]}`);
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM ${sql.table(table)} WHERE id = ${before.id} AND ${sql.join(isSame, sql` AND `)})`,
    writes: {
      updated: sql`UPDATE ${sql.table(table)}
        SET ${sql.join(values.map(([name, value]) => sql`${sql.ref(name)} = ${value}`))} WHERE id = ${before.id}`,
      audit:
        Object.keys(detail).length === 0 ? [] : audited(ctx, { action: change.action, target: before.id, detail, at }),
      also: change.also?.(before, after, at) ?? [],
    },
  });
  return committed && after;
}

const pick = <Row extends object>(row: Row, names: readonly (keyof Row & string)[]) =>
  Object.fromEntries(names.map((name) => [name, row[name]]));
