import { AppError, type NewChatsPerDay, type Pool } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db, PoolTable } from "../db/schema.ts";
import { iso } from "../time.ts";

/** In `pool.new_chats_per_day`: a number that grows with the session's age. */
export const warmUp = -1;

/** Sends what names neither a session nor a pool: made with the workspace, and named after it. */
export const defaultPoolOf = (workspaceId: string) => `pool_${workspaceId.slice("ws_".length)}`;

export const selectPools = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("pool").selectAll().where("workspaceId", "=", workspaceId);

/** Stands behind the INSERT of the workspace. */
export const insertDefaultPool = (db: Db, workspaceId: string) =>
  sql`INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, created_at, updated_at)
    SELECT ${defaultPoolOf(workspaceId)}, id, 'Default', 'sticky', 'normal', 'inbound', created_at, created_at
    FROM workspace WHERE id = ${workspaceId}`.compile(db.kysely);

/** True in SQL when the workspace has this pool. */
export const hasPool = (workspaceId: string, id: string | RawBuilder<unknown>) =>
  sql<boolean>`EXISTS (SELECT 1 FROM pool WHERE pool.id = ${id} AND pool.workspace_id = ${workspaceId})`;

/** For a request that names a pool which is not there. */
export const noPool = (pointer: string) =>
  new AppError("pool-not-found", { errors: [{ pointer, message: "is not a sender pool of this workspace" }] });

/** For a request that wants a name which another pool has. */
export const nameIsTaken = (detail?: string) =>
  new AppError("pool-exists", {
    errors: [{ pointer: "/name", message: "is another sender pool's name" }],
    ...(detail === undefined ? {} : { detail }),
  });

export const toPool = ({
  id,
  workspaceId,
  name,
  strategy,
  pacing,
  fallback,
  newChatsPerDay,
  createdAt,
  updatedAt,
}: PoolTable): Pool => ({
  id,
  name,
  isDefault: id === defaultPoolOf(workspaceId),
  strategy,
  pacing,
  fallback,
  newChatsPerDay: newChatsPerDay === warmUp ? "warm_up" : newChatsPerDay,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});

/** As it is stored. */
export const newChatsOf = (newChatsPerDay: NewChatsPerDay) => (newChatsPerDay === "warm_up" ? warmUp : newChatsPerDay);

/** What of a pool can be changed, as the audit log tells it. */
export const toDetail = ({ name, strategy, pacing, fallback, newChatsPerDay }: Changeable): Changeable => ({
  name,
  strategy,
  pacing,
  fallback,
  newChatsPerDay,
});

type Changeable = Pick<Pool, "name" | "strategy" | "pacing" | "fallback" | "newChatsPerDay">;
