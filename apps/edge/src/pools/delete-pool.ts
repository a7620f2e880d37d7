import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { defaultPoolOf, selectPools, toDetail } from "./repository.ts";

/** Deletes a pool that no session belongs to. */
export async function deletePool(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  if (id === defaultPoolOf(workspaceId)) {
    throw new AppError("pool-not-empty", { detail: "The default pool cannot be deleted." });
  }
  const row = await selectPools(db, workspaceId).where("id", "=", id).executeTakeFirst();
  if (!row) throw new AppError("pool-not-found");
  const entry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: actor.by.id,
    action: "pool.deleted",
    target: id,
    detail: { ...toDetail(row) },
    at: services.now().getTime(),
  };
  try {
    const [deleted, , left] = await writeAs(ctx, [
      sql`DELETE FROM pool WHERE id = ${id} AND workspace_id = ${workspaceId}
        AND NOT EXISTS (SELECT 1 FROM session WHERE pool_id = ${id} AND desired <> 'deleted')`.compile(db.kysely),
      auditStatement(db, entry),
      selectPools(db, workspaceId).where("id", "=", id),
    ]);
    if (deleted.numAffectedRows === 1n) return;
    if (left.rows.length === 0) throw new AppError("pool-not-found");
    throw new AppError("pool-not-empty", { detail: "Move its sessions to another pool, or delete them, first." });
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: entry.id });
  }
}
