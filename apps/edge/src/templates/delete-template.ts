import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { findTemplate } from "./repository.ts";

/** Forgets a template; its purpose has the built-in text again. */
export async function deleteTemplate(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db, templateCache } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  try {
    const [deleted] = await writeAs(ctx, [
      sql<{ id: string }>`DELETE FROM template WHERE id = ${id} AND workspace_id = ${workspaceId} RETURNING id`.compile(
        db.kysely,
      ),
      auditStatement(db, {
        id: newId(services, "aud"),
        workspaceId,
        actor: actor.by.id,
        action: "template.deleted",
        target: id,
        at,
      }),
    ]);
    if (deleted.rows.length === 0) throw new AppError("template-not-found");
  } catch (error) {
    if (!isUnreachable(error) || (await findTemplate(db, workspaceId, id))) throw error;
  } finally {
    templateCache.delete(workspaceId);
  }
}
