import { AppError } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { selectRules, toDetail } from "./repository.ts";

/** Takes a rule away; what it has ended stays so. */
export async function deleteRule(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const row = await selectRules(db, workspaceId).where("id", "=", id).executeTakeFirst();
  if (!row) throw new AppError("access-rule-not-found");
  const entry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: actor.by.id,
    action: "access_rule.deleted",
    target: id,
    detail: toDetail(row),
    at,
  };
  try {
    const [deleted] = await writeAs(ctx, [
      db.kysely.deleteFrom("accessRule").where("workspaceId", "=", workspaceId).where("id", "=", id),
      auditStatement(db, entry),
    ]);
    if (deleted.numAffectedRows === 0n) throw new AppError("access-rule-not-found");
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: entry.id });
  }
}
