import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { findHook } from "./repository.ts";

/** Forgets a hook and its secrets; what Supabase sends to it is refused from now on. */
export async function deleteHook(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const auditId = newId(services, "aud");
  try {
    const [deleted] = await writeAs(ctx, [
      sql<{
        id: string;
      }>`DELETE FROM supabase_hook WHERE id = ${id} AND workspace_id = ${workspaceId} RETURNING id`.compile(db.kysely),
      auditStatement(db, { id: auditId, workspaceId, actor: actor.by.id, action: "hook.deleted", target: id, at }),
    ]);
    if (deleted.rows.length === 0) throw new AppError("hook-not-found");
  } catch (error) {
    if (!isUnreachable(error) || (await findHook(db, workspaceId, { id, at }))) throw error;
  }
}
