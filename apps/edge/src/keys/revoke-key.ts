import { AppError } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { newId } from "../services.ts";
import { pauseOrphans } from "../alerts/orphans.ts";
import { powersOf } from "./authority.ts";
import { refuseBeyond } from "../auth/powers.ts";
import { forgetKeys } from "../auth/cache.ts";
import { findApiKey } from "./repository.ts";
import { refuseLastManager, writeAs } from "../auth/write-as.ts";

/** Ends a key for good: here at once, in every other isolate within a minute. */
export async function revokeKey(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const row = await findApiKey(db, workspaceId, id);
  if (!row) throw new AppError("key-not-found");
  refuseBeyond(actor, powersOf(row));
  const auditId = newId(services, "aud");
  try {
    await writeAs(ctx, [
      db.kysely
        .updateTable("apiKey")
        .set({ revokedAt: at })
        .where("workspaceId", "=", workspaceId)
        .where("id", "=", id)
        .where("revokedAt", "is", null),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: "key.revoked",
        target: id,
        detail: { name: row.name },
        at,
      }),
      pauseOrphans(db, { workspaceId, at }),
      ...refuseLastManager(db, row, { at }),
    ]);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const now = await findApiKey(db, workspaceId, id).catch(() => undefined);
    if (!now || now.revokedAt === null) await settleByAudit(db, workspaceId, { error, id: auditId });
  } finally {
    forgetKeys(services, { id });
  }
}
