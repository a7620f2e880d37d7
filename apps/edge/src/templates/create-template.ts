import { AppError, type Template, type TemplateInput } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import { conflictError, isFree, selectConflicts } from "./conflicts.ts";
import { selectTemplates, toDetail, toStored, toTemplate } from "./repository.ts";
import { createAudited } from "../writes/create-audited.ts";

interface Input {
  input: TemplateInput;
  idempotencyKey: IdempotencyKey | undefined;
}

/** The limit of templates in a workspace. */
const templateLimit = 100;

/** Creates a template. With a purpose, it becomes the default of that purpose. */
export async function createTemplate(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = templateLimit,
): Promise<Accepted<Template>> {
  const { services, actor } = ctx;
  const { db, templateCache } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const id = newId(services, "tpl");
  const claim = { id, input };
  try {
    return await createAudited(ctx, {
      kind: "template",
      detail: toDetail(input),
      limit,
      table: "template",
      id,
      at,
      idempotencyKey,
      find: (made) => selectTemplates(db, workspaceId).where("id", "=", made),
      writes: (mayInsert) =>
        sql`INSERT INTO template (id, workspace_id, name, purpose, texts, created_at, updated_at)
          SELECT ${id}, ${workspaceId}, ${input.name}, ${input.purpose}, ${JSON.stringify(input.texts)}, ${at}, ${at}
          WHERE ${mayInsert} AND ${isFree(workspaceId, claim)}`,
      facts: { conflicts: selectConflicts(db, workspaceId, claim) },
      refuse: ({ conflicts }) =>
        conflictError(conflicts, input) ??
        new AppError("template-limit-reached", {
          detail: `A workspace has at most ${limit} templates. Delete a template that you do not need.`,
        }),
      present: (row) => toTemplate(toStored(row)),
      gone: "template-not-found",
    });
  } finally {
    templateCache.delete(workspaceId);
  }
}
