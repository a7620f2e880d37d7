import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import { pauseOrphans } from "../alerts/channel-incidents.ts";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import { dropCachedKeys } from "../auth/cache.ts";
import { commitAs } from "../writes/commit-as.ts";
import { powersOf } from "./authority.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { refuseLastManager } from "./last-manager.ts";
import { findApiKey } from "./repository.ts";

/** Revokes a key: in this isolate at once, in other isolates within a minute. */
export async function revokeKey(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const row = await findApiKey(db, workspaceId, id);
  if (!row) throw new AppError("key-not-found");
  requirePowersWithin(actor, powersOf(row));
  const works = db.kysely.selectFrom("apiKey").select("id").where("id", "=", id).where("revokedAt", "is", null);
  try {
    // Undefined for a key that is already revoked, which is also a success.
    await commitAs(ctx, {
      requires: sql`EXISTS ${works}`,
      writes: {
        revoked: db.kysely
          .updateTable("apiKey")
          .set({ revokedAt: at })
          .where("workspaceId", "=", workspaceId)
          .where("id", "=", id),
        audit: audited(ctx, { action: "key.revoked", target: id, detail: { name: row.name }, at }),
        orphans: pauseOrphans(db, { workspaceId, at }),
        guard: refuseLastManager(row, { at }),
      },
    });
  } finally {
    dropCachedKeys(services, { id });
  }
}
