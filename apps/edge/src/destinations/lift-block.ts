import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { commitAs } from "../writes/commit-as.ts";

/** Ends the block of a prefix. The guard then counts only codes that are sent from the next hour on. */
export async function liftBlock(ctx: Context, prefix: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const committed = await commitAs(ctx, {
    writes: {
      lifted: sql`UPDATE prefix_guard SET blocked_until = 0, strikes = 0, updated_at = ${at}
        WHERE workspace_id = ${workspaceId} AND prefix = ${prefix} AND (blocked_until > 0 OR strikes > 0)`,
      // Only if there was a block.
      audit: audited(ctx, { action: "prefix_guard.lifted", target: prefix, at, when: sql`changes() > 0` }),
    },
    reads: {
      known: db.kysely
        .selectFrom("prefixGuard")
        .select("prefix")
        .where("workspaceId", "=", workspaceId)
        .where("prefix", "=", prefix),
    },
  });
  if (committed.known.length === 0) throw new AppError("not-found", { detail: "The guard does not know this prefix." });
}
