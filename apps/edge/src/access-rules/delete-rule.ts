import { AppError } from "@sandi/contracts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import type { KnownKey } from "../db/schema.ts";
import { writeAs } from "../keys/write-as.ts";
import { newId, type Services } from "../services.ts";
import { selectRules, toDetail } from "./repository.ts";

/** Takes a rule away; what it has ended stays so. */
export async function deleteRule(services: Services, { key, id }: { key: KnownKey; id: string }): Promise<void> {
  const { db } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const row = await selectRules(db, workspaceId).where("id", "=", id).executeTakeFirst();
  if (!row) throw new AppError("access-rule-not-found");
  const entry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: key.id,
    action: "access_rule.deleted",
    target: id,
    detail: toDetail(row),
    at,
  };
  try {
    const [deleted] = await writeAs(services, key, [
      db.kysely.deleteFrom("accessRule").where("workspaceId", "=", workspaceId).where("id", "=", id),
      auditStatement(db, entry),
    ]);
    if (deleted.numAffectedRows === 0n) throw new AppError("access-rule-not-found");
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: entry.id });
  }
}
