import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { commitAs } from "../writes/commit-as.ts";
import { discard } from "./receive.ts";
import { isSeenBy } from "./repository.ts";

/** Deletes a file. Its row is gone at once, and its object right afterwards. */
export async function deleteMedia(ctx: Context, id: string): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId, test } = tenantOf(actor);
  const { written } = await commitAs(ctx, {
    writes: {
      deleted: sql<{ objectKey: string }>`DELETE FROM media WHERE id = ${id} AND workspace_id = ${workspaceId}
        AND test = ${test} AND ${isSeenBy(actor)} RETURNING object_key`.compile(db.kysely),
    },
  });
  // Without the database's answer it is not known whether the file was there: now it is not.
  if (written?.deleted.rows.length === 0) throw new AppError("media-not-found");
  for (const { objectKey } of written?.deleted.rows ?? []) discard(services, objectKey);
}
