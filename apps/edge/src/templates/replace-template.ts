import { AppError, type Template, type TemplateInput } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { commitAs } from "../writes/commit-as.ts";
import { conflictError, isFree, selectConflicts } from "./conflicts.ts";
import { selectTemplates, toDetail, toStored, toTemplate } from "./repository.ts";

interface Input {
  id: string;
  input: TemplateInput;
}

/** Replaces a template's name, purpose and texts. The change applies to codes that are sent from now on. */
export async function replaceTemplate(ctx: Context, { id, input }: Input): Promise<Template> {
  const { services, actor } = ctx;
  const { db, templateCache } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const texts = JSON.stringify(input.texts);
  const claim = { id, input };
  const { name, purpose } = input;
  try {
    const committed = await commitAs(ctx, {
      writes: {
        updated: sql`UPDATE template SET name = ${name}, purpose = ${purpose}, texts = ${texts}, updated_at = ${at}
          WHERE id = ${id} AND workspace_id = ${workspaceId} AND ${isFree(workspaceId, claim)}
            AND (name <> ${name} OR purpose IS NOT ${purpose} OR texts <> ${texts})`,
        audit: audited(ctx, {
          action: "template.updated",
          target: id,
          detail: toDetail(input),
          at,
          when: sql`changes() > 0`,
        }),
      },
      reads: {
        conflicts: selectConflicts(db, workspaceId, claim),
        row: selectTemplates(db, workspaceId).where("id", "=", id),
      },
    });
    const [row] = committed.row;
    if (!row) throw new AppError("template-not-found");
    const isStored = row.name === name && row.purpose === purpose && row.texts === texts;
    const conflict = isStored ? undefined : conflictError(committed.conflicts, input);
    if (conflict) throw conflict;
    return toTemplate(toStored(row));
  } finally {
    templateCache.delete(workspaceId);
  }
}
