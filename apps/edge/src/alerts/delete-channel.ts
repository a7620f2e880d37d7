import { AppError } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";

/** Forgets a channel, its secrets and what was told there; what waits for it is not told any more. */
export async function deleteChannel(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const auditId = newId(services, "aud");
  try {
    const [deleted] = await writeAs(ctx, [
      db.kysely.deleteFrom("alertChannel").where("workspaceId", "=", workspaceId).where("id", "=", id).returning("id"),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: "alert_channel.deleted",
        target: id,
        at,
      }),
    ]);
    if (deleted.rows.length === 0) throw new AppError("alert-channel-not-found");
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
  }
}
