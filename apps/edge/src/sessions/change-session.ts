import { AppError, type ChangeSession, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { hasPool, noPool } from "../pools/repository.ts";
import { commitAs } from "../writes/commit-as.ts";
import { selectSessions, toSession } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeSession;
}

/** Gives a session another name or another pool. The same request again changes nothing. */
export async function changeSession(ctx: Context, { id, change }: Input): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { name, poolId } = change;
  const at = services.now().getTime();
  const isThere = poolId === undefined ? sql`true` : hasPool(workspaceId, poolId);
  const set = (column: "name" | "pool_id", to: string, action: string) => [
    sql`UPDATE session SET ${sql.raw(column)} = ${to}, updated_at = ${at}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' AND ${sql.raw(column)} <> ${to}
        AND ${isThere}`,
    audited(ctx, {
      action,
      target: id,
      detail: { [column === "name" ? "name" : "poolId"]: { to } },
      at,
      when: sql`changes() > 0`,
    }),
  ];
  const {
    row: [row],
  } = await commitAs(ctx, {
    writes: {
      renamed: name === undefined ? [] : set("name", name, "session.renamed"),
      moved: poolId === undefined ? [] : set("pool_id", poolId, "session.moved"),
    },
    reads: { row: selectSessions(db, workspaceId, at).where("id", "=", id) },
  });
  if (!row) throw new AppError("session-not-found");
  if (poolId !== undefined && row.poolId !== poolId) throw noPool("/poolId");
  return toSession(row);
}
