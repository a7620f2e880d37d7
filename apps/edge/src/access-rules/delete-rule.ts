import { AppError } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { deleteRow } from "../writes/delete-row.ts";
import { selectStoredRules, toDetail } from "./repository.ts";

/** Deletes a rule. Verifications and messages that it ended stay ended. */
export async function deleteRule(ctx: Context, id: string): Promise<void> {
  const missing = "access-rule-not-found";
  const row = await selectStoredRules(ctx.services.db, ctx.actor.workspaceId).where("id", "=", id).executeTakeFirst();
  if (!row) throw new AppError(missing);
  await deleteRow(ctx, { table: "accessRule", id, action: "access_rule.deleted", detail: toDetail(row), missing });
}
