import { AppError, type ErrorCode } from "@sandi/contracts";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import type { Tables } from "../db/schema.ts";
import { commitAs } from "./commit-as.ts";

interface Deletion {
  table: keyof Tables;
  id: string;
  /** The audit entry's action. */
  action: string;
  detail?: Record<string, unknown>;
  /** The error when the workspace has no such row. */
  missing: ErrorCode;
}

/** Deletes a row of the actor's workspace, with an entry in the audit log. */
export async function deleteRow(ctx: Context, { table, id, action, detail = {}, missing }: Deletion): Promise<void> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const own = sql`${sql.table(table)} WHERE id = ${id} AND workspace_id = ${actor.workspaceId}`;
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM ${own})`,
    writes: { deleted: sql`DELETE FROM ${own}`, audit: audited(ctx, { action, target: id, detail, at }) },
  });
  if (!committed) throw new AppError(missing);
}
