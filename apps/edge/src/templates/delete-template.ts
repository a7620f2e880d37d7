import type { Context } from "../context.ts";
import { deleteRow } from "../writes/delete-row.ts";

/** Deletes a template. Its purpose then uses the built-in text. */
export async function deleteTemplate(ctx: Context, id: string): Promise<void> {
  try {
    await deleteRow(ctx, { table: "template", id, action: "template.deleted", missing: "template-not-found" });
  } finally {
    ctx.services.templateCache.delete(ctx.actor.workspaceId);
  }
}
