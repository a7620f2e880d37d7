import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";

/** Lets codes go to a prefix again. The guard begins anew: it looks at what is sent from the next hour on. */
export async function liftBlock(ctx: Context, prefix: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const id = newId(services, "aud");
  const entry = { id, workspaceId, actor: actor.by.id, action: "prefix_guard.lifted", target: prefix, at };
  try {
    const [, , known] = await writeAs(ctx, [
      sql`UPDATE prefix_guard SET blocked_until = 0, strikes = 0, updated_at = ${at}
        WHERE workspace_id = ${workspaceId} AND prefix = ${prefix} AND (blocked_until > 0 OR strikes > 0)`.compile(
        db.kysely,
      ),
      auditStatement(db, entry),
      db.kysely
        .selectFrom("prefixGuard")
        .select("prefix")
        .where("workspaceId", "=", workspaceId)
        .where("prefix", "=", prefix),
    ]);
    if (known.rows.length === 0) throw new AppError("not-found", { detail: "The guard does not know this prefix." });
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id });
  }
}
