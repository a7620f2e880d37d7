import { AppError, type ErrorCode } from "@sandi/contracts";
import type { Queries } from "@sandi/libsql";
import { type RawBuilder, sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import type { Tables } from "../db/schema.ts";
import { commitAs } from "./commit-as.ts";

interface Deletion {
  table: keyof Tables;
  id: string;
  /** True in SQL for the rows that the actor may delete. If left out: all of the workspace. */
  only?: RawBuilder<boolean>;
  /** The audit entry's action. */
  action: string;
  detail?: Record<string, unknown>;
  /** The error when the workspace has no such row. */
  missing: ErrorCode;
  /** Other statements of the same batch, which run after the deletion. */
  also?: Queries;
}

/** Deletes a row of the actor's workspace, with an entry in the audit log. */
export async function deleteRow(
  ctx: Context,
  { table, id, only = sql<boolean>`true`, action, detail = {}, missing, also = [] }: Deletion,
): Promise<void> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const own = sql`${sql.table(table)} WHERE id = ${id} AND workspace_id = ${actor.workspaceId} AND ${only}`;
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM ${own})`,
    writes: { deleted: sql`DELETE FROM ${own}`, audit: audited(ctx, { action, target: id, detail, at }), also },
  });
  if (!committed) throw new AppError(missing);
}
