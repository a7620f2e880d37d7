import { AppError, type CreatePool, type Pool } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import { nameIsTaken, newChatsOf, selectPools, toDetail, toPool } from "./repository.ts";
import { createAudited } from "../writes/create-audited.ts";

interface Input {
  input: CreatePool;
  idempotencyKey: IdempotencyKey | undefined;
}

/** The limit of pools in a workspace, with the default pool. */
const poolLimit = 20;

export async function createPool(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = poolLimit,
): Promise<Accepted<Pool>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { name, strategy, pacing, fallback, newChatsPerDay } = input;
  const at = services.now().getTime();
  const id = newId(services, "pool");
  const isSame = sql`workspace_id = ${workspaceId} AND name = ${name}`;
  return createAudited(ctx, {
    kind: "pool",
    detail: { ...toDetail(input) },
    limit,
    table: "pool",
    id,
    at,
    idempotencyKey,
    find: (made) => selectPools(db, workspaceId).where("id", "=", made),
    writes: (mayInsert) =>
      sql`INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, new_chats_per_day, created_at, updated_at)
        SELECT ${id}, ${workspaceId}, ${name}, ${strategy}, ${pacing}, ${fallback}, ${newChatsOf(newChatsPerDay)}, ${at}, ${at}
        WHERE ${mayInsert} AND NOT EXISTS (SELECT 1 FROM pool WHERE ${isSame})`,
    facts: { same: sql<{ id: string }>`SELECT id FROM pool WHERE ${isSame}` },
    refuse: ({ same: [same] }) => {
      if (same) return nameIsTaken(`The pool is ${same.id}.`);
      const detail = `A workspace has at most ${limit} sender pools. Delete a pool that you do not need.`;
      return new AppError("pool-limit-reached", { detail });
    },
    present: toPool,
    gone: "pool-not-found",
  });
}
