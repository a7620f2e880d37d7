import { AppError, type CreatePool, type Pool } from "@sandi/contracts";
import { sql } from "kysely";
import { type AuditEntry, auditStatement, isNotWithdrawn, remedyByAudit } from "../audit/statement.ts";
import type { KnownKey } from "../db/schema.ts";
import { createOnce } from "../http/create-once.ts";
import type { Accepted, Repetition } from "../http/idempotency.ts";
import { newId, type Services } from "../services.ts";
import { nameIsTaken, newChatsOf, selectPools, toDetail, toPool } from "./repository.ts";

interface Input {
  key: KnownKey;
  input: CreatePool;
  repetition: Repetition | undefined;
}

/** So many pools may a workspace have, the default one among them. */
const poolLimit = 20;

export async function createPool(
  services: Services,
  { key, input, repetition }: Input,
  limit = poolLimit,
): Promise<Accepted<Pool>> {
  const { db } = services;
  const { workspaceId } = key;
  const { name, strategy, pacing, fallback, newChatsPerDay } = input;
  const at = services.now().getTime();
  const id = newId(services, "pool");
  const entry: AuditEntry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: key.id,
    action: "pool.created",
    target: id,
    detail: { ...toDetail(input) },
    at,
  };
  const isSame = sql`workspace_id = ${workspaceId} AND name = ${name}`;
  return createOnce(services, workspaceId, {
    table: "pool",
    id,
    at,
    repetition,
    find: (made) => selectPools(db, workspaceId).where("id", "=", made),
    statements: (isFirst) => [
      sql`INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, new_chats_per_day, created_at, updated_at)
        SELECT ${id}, ${workspaceId}, ${name}, ${strategy}, ${pacing}, ${fallback}, ${newChatsOf(newChatsPerDay)}, ${at}, ${at}
        WHERE ${isFirst} AND NOT EXISTS (SELECT 1 FROM pool WHERE ${isSame})
          AND ${limit} > (SELECT count(*) FROM pool WHERE workspace_id = ${workspaceId})
          AND ${isNotWithdrawn(entry.id)}`.compile(db.kysely),
      auditStatement(db, entry),
      sql<{ id: string }>`SELECT id FROM pool WHERE ${isSame}`.compile(db.kysely),
    ],
    ...remedyByAudit(db, { ...entry, action: "pool.not_created" }, { table: "pool", id }),
    refuse: (own) => {
      const same = own?.[2].rows[0];
      if (same) return nameIsTaken(`It is ${same.id}.`);
      const detail = `A workspace has at most ${limit} sender pools; delete one that is not needed.`;
      return new AppError("pool-limit-reached", { detail });
    },
    present: toPool,
    gone: "pool-not-found",
  });
}
