import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import { commitAs } from "../writes/commit-as.ts";
import { defaultPoolOf, selectPools, toDetail } from "./repository.ts";

/** Deletes a pool without sessions. */
export async function deletePool(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  if (id === defaultPoolOf(workspaceId)) {
    throw new AppError("pool-not-empty", { detail: "The default pool cannot be deleted." });
  }
  const find = () => selectPools(db, workspaceId).where("id", "=", id).executeTakeFirst();
  const row = await find();
  if (!row) throw new AppError("pool-not-found");
  const at = services.now().getTime();
  const committed = await commitAs(ctx, {
    requires: sql`(EXISTS (SELECT 1 FROM pool WHERE id = ${id} AND workspace_id = ${workspaceId})
      AND NOT EXISTS (SELECT 1 FROM session WHERE pool_id = ${id} AND desired <> 'deleted'))`,
    writes: {
      deleted: sql`DELETE FROM pool WHERE id = ${id} AND workspace_id = ${workspaceId}`,
      audit: audited(ctx, { action: "pool.deleted", target: id, detail: { ...toDetail(row) }, at }),
    },
  });
  if (committed) return;
  if (!(await find())) throw new AppError("pool-not-found");
  throw new AppError("pool-not-empty", { detail: "Move its sessions to another pool first, or delete them." });
}
