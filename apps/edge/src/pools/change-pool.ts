import type { ChangePool, Pool } from "@sandi/contracts";
import { difference } from "../audit/difference.ts";
import type { Context } from "../context.ts";
import { isConstraint } from "../db/failures.ts";
import type { PoolTable } from "../db/tables/sessions.ts";
import { changeRow } from "../writes/change-row.ts";
import { nameIsTaken, newChatsOf, selectPools, toDetail, toPool } from "./repository.ts";

interface Input {
  id: string;
  change: ChangePool;
}

/** Changes a pool. The change applies to the next sends. */
export async function changePool(ctx: Context, { id, change }: Input): Promise<Pool> {
  const { db } = ctx.services;
  try {
    const row = await changeRow<PoolTable>(ctx, {
      table: "pool",
      name: "pool",
      find: () => selectPools(db, ctx.actor.workspaceId).where("id", "=", id).executeTakeFirst(),
      missing: "pool-not-found",
      columns: ["name", "strategy", "pacing", "fallback", "newChatsPerDay"],
      decide(before) {
        const { name = before.name, strategy = before.strategy, pacing = before.pacing } = change;
        const { fallback = before.fallback, newChatsPerDay = toPool(before).newChatsPerDay } = change;
        return { ...before, name, strategy, pacing, fallback, newChatsPerDay: newChatsOf(newChatsPerDay) };
      },
      action: "pool.updated",
      detail: (before, after) => difference<object>(toDetail(toPool(before)), toDetail(toPool(after))),
    });
    return toPool(row);
  } catch (error) {
    throw isConstraint(error) ? nameIsTaken() : error;
  }
}
