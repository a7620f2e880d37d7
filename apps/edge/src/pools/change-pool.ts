import { AppError, type ChangePool, type Pool } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { isConstraint } from "../db/failures.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import type { PoolTable } from "../db/schema.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { nameIsTaken, newChatsOf, selectPools, toDetail, toPool } from "./repository.ts";

interface Input {
  id: string;
  change: ChangePool;
}

/** Changes a pool; what is sent from now on goes by it. */
export function changePool(ctx: Context, { id, change }: Input): Promise<Pool> {
  const { services, actor } = ctx;
  return changeUntilStored("pool", async () => {
    const row = await selectPools(services.db, actor.workspaceId).where("id", "=", id).executeTakeFirst();
    if (!row) throw new AppError("pool-not-found");
    const before = toPool(row);
    const { name = row.name, strategy = row.strategy, pacing = row.pacing, fallback = row.fallback } = change;
    const { newChatsPerDay = before.newChatsPerDay } = change;
    const after = { name, strategy, pacing, fallback, newChatsPerDay };
    const detail = difference<object>(toDetail(before), after);
    const updatedAt = services.now().getTime();
    const next = { ...row, ...after, newChatsPerDay: newChatsOf(newChatsPerDay), updatedAt };
    if (Object.keys(detail).length === 0) return toPool(row);
    return (await store(ctx, { row, next, detail })) ? toPool(next) : undefined;
  });
}

interface Change {
  row: PoolTable;
  next: PoolTable;
  detail: Record<string, unknown>;
}

/** Answers whether it was stored, or was changed meanwhile. */
async function store(ctx: Context, { row, next, detail }: Change): Promise<boolean> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId, id } = row;
  const auditId = newId(services, "aud");
  const action = "pool.updated";
  try {
    const [changed] = await writeAs(ctx, [
      sql`UPDATE pool SET name = ${next.name}, strategy = ${next.strategy}, pacing = ${next.pacing},
          fallback = ${next.fallback}, new_chats_per_day = ${next.newChatsPerDay}, updated_at = ${next.updatedAt}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND name = ${row.name} AND strategy = ${row.strategy}
          AND pacing = ${row.pacing} AND fallback = ${row.fallback}
          AND new_chats_per_day IS ${row.newChatsPerDay}`.compile(db.kysely),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action,
        target: id,
        detail,
        at: next.updatedAt,
      }),
    ]);
    return changed.numAffectedRows === 1n;
  } catch (error) {
    if (isConstraint(error)) throw nameIsTaken();
    await settleByAudit(db, workspaceId, { error, id: auditId });
    return true;
  }
}
