import { AppError, type ChangeSession, type Session } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import { writeAs } from "../writes/write-as.ts";
import { hasPool, noPool } from "../pools/repository.ts";
import { newId } from "../services.ts";
import { selectSessions, type SessionRow, toSession } from "./repository.ts";

interface Edit {
  id: string;
  change: ChangeSession;
}

/** Gives a session another name or another pool; the same once more changes nothing. */
export async function editSession(ctx: Context, { id, change }: Edit): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { name, poolId } = change;
  const at = services.now().getTime();
  const isThere = poolId === undefined ? sql`true` : hasPool(workspaceId, poolId);
  const set = (column: "name" | "pool_id", to: string, action: string): CompiledQuery[] => [
    sql`UPDATE session SET ${sql.raw(column)} = ${to}, updated_at = ${at}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' AND ${sql.raw(column)} <> ${to}
        AND ${isThere}`.compile(db.kysely),
    auditStatement(db, {
      id: newId(services, "aud"),
      workspaceId,
      actor: actor.by.id,
      action,
      target: id,
      at,
      detail: { [column === "name" ? "name" : "poolId"]: { to } },
    }),
  ];
  const found = selectSessions(db, workspaceId, at).where("id", "=", id);
  let row: SessionRow | undefined;
  try {
    const results = await writeAs(ctx, [
      ...(name === undefined ? [] : set("name", name, "session.renamed")),
      ...(poolId === undefined ? [] : set("pool_id", poolId, "session.moved")),
      found,
    ]);
    row = results.at(-1)?.rows[0] as SessionRow | undefined;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // Only the answer may have been lost: then the session is as it was asked for.
    row = await found.executeTakeFirst();
    const isStored = (name ?? row?.name) === row?.name && (poolId ?? row?.poolId) === row?.poolId;
    if (!isStored) throw error;
  }
  if (!row) throw new AppError("session-not-found");
  if (poolId !== undefined && row.poolId !== poolId) throw noPool("/poolId");
  return toSession(row);
}
