import { AppError, type NewChatsPerDay, type Pool } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { PoolTable } from "../db/tables/sessions.ts";
import { iso } from "../time.ts";

/** The value of `pool.new_chats_per_day` for `warm_up`: a limit that rises with the session's age. */
export const warmUp = -1;

/** The pool for requests that name neither a session nor a pool. It is created with the workspace. */
export const defaultPoolOf = (workspaceId: string) => `pool_${workspaceId.slice("ws_".length)}`;

export const selectPools = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("pool").selectAll().where("workspaceId", "=", workspaceId);

/** Runs after the INSERT of the workspace. */
export const insertDefaultPool = (db: Db, workspaceId: string) =>
  sql`INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, created_at, updated_at)
    SELECT ${defaultPoolOf(workspaceId)}, id, 'Default', 'sticky', 'normal', 'inbound', created_at, created_at
    FROM workspace WHERE id = ${workspaceId}`.compile(db.kysely);

/** True in SQL if the workspace has this pool. */
export const hasPool = (workspaceId: string, id: string | RawBuilder<unknown>) =>
  sql<boolean>`EXISTS (SELECT 1 FROM pool WHERE pool.id = ${id} AND pool.workspace_id = ${workspaceId})`;

/** The error for a request that names an unknown pool. */
export const noPool = (pointer: string) =>
  new AppError("pool-not-found", { errors: [{ pointer, message: "is not a sender pool of this workspace" }] });

/** The error for a request with the name of another pool. */
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

/** The stored form of `newChatsPerDay`. */
export const newChatsOf = (newChatsPerDay: NewChatsPerDay) => (newChatsPerDay === "warm_up" ? warmUp : newChatsPerDay);

/** The properties of a pool that the audit log shows. */
export const toDetail = ({ name, strategy, pacing, fallback, newChatsPerDay }: Changeable): Changeable => ({
  name,
  strategy,
  pacing,
  fallback,
  newChatsPerDay,
});

type Changeable = Pick<Pool, "name" | "strategy" | "pacing" | "fallback" | "newChatsPerDay">;
