import { AppError } from "@sandi/contracts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import type { KnownKey } from "../db/schema.ts";
import { writeAs } from "../keys/write-as.ts";
import { newId, type Services } from "../services.ts";

/** Forgets a channel, its secrets and what was told there; what waits for it is not told any more. */
export async function deleteChannel(services: Services, { key, id }: { key: KnownKey; id: string }): Promise<void> {
  const { db } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const auditId = newId(services, "aud");
  try {
    const [deleted] = await writeAs(services, key, [
      db.kysely.deleteFrom("alertChannel").where("workspaceId", "=", workspaceId).where("id", "=", id).returning("id"),
      auditStatement(db, { id: auditId, workspaceId, actor: key.id, action: "alert_channel.deleted", target: id, at }),
    ]);
    if (deleted.rows.length === 0) throw new AppError("alert-channel-not-found");
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
  }
}
