import { AppError, type Template, type TemplateInput } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import type { TemplateTable } from "../db/schema.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { conflictError, isFree, selectConflicts } from "./conflicts.ts";
import { selectTemplates, toDetail, toStored, toTemplate } from "./repository.ts";

interface Input {
  id: string;
  input: TemplateInput;
}

/** Stores a template's new name, purpose and texts; codes sent from now on have them. */
export async function replaceTemplate(ctx: Context, { id, input }: Input): Promise<Template> {
  const { services, actor } = ctx;
  const { db, templateCache } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const texts = JSON.stringify(input.texts);
  const claim = { id, input };
  const found = selectTemplates(db, workspaceId).where("id", "=", id);
  let row: TemplateTable | undefined;
  try {
    const [changed, , conflicts, stored] = await writeAs(ctx, [
      sql<TemplateTable>`UPDATE template
        SET name = ${input.name}, purpose = ${input.purpose}, texts = ${texts}, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND ${isFree(workspaceId, claim)}
          AND (name <> ${input.name} OR purpose IS NOT ${input.purpose} OR texts <> ${texts}) RETURNING *`.compile(
        db.kysely,
      ),
      auditStatement(db, {
        id: newId(services, "aud"),
        workspaceId,
        actor: actor.by.id,
        action: "template.updated",
        target: id,
        detail: toDetail(input),
        at,
      }),
      selectConflicts(db, workspaceId, claim),
      found,
    ]);
    row = changed.rows[0] ?? stored.rows[0];
    // Nothing was stored: a conflict, or the template was like this already.
    const error = changed.rows[0] || !row ? undefined : conflictError(conflicts.rows, input);
    if (error) throw error;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // Only the answer may have been lost: then the row has this text and this very time.
    row = await found.executeTakeFirst();
    if (row && (row.texts !== texts || row.updatedAt !== at)) throw error;
  } finally {
    templateCache.delete(workspaceId);
  }
  if (!row) throw new AppError("template-not-found");
  return toTemplate(toStored(row));
}
