import { z } from "zod";
import { AppError, ChangePool, CreatePool, Pool, PoolId, PoolList } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { created, noContent, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { changePool } from "./change-pool.ts";
import { createPool } from "./create-pool.ts";
import { deletePool } from "./delete-pool.ts";
import { selectPools, toPool } from "./repository.ts";

const byId = z.object({ id: PoolId });

export const pools: Feature = {
  tag: { name: "Sender pools", description: "Sessions that replace each other." },
  notFound: "pool-not-found",
  operations: [
    operation({
      id: "createPool",
      method: "post",
      path: "/v1/pools",
      scope: "session:manage",
      live: true,
      idempotent: "create",
      summary: "Create a sender pool",
      description:
        "The sessions of a pool replace each other. The pool's strategy and the sessions' scores decide which session sends. If a session cannot send a message, the next one does. At most 20 pools.",
      body: { schema: CreatePool, example: { name: "Indonesia", strategy: "least_loaded" } },
      answers: created(Pool, "Created."),
      throws: ["pool-exists", "pool-limit-reached"],
      handle: (ctx, { body, idempotencyKey }) => createPool(ctx, { input: body, idempotencyKey }),
    }),
    operation({
      id: "listPools",
      method: "get",
      path: "/v1/pools",
      scope: "session:manage",
      live: true,
      summary: "List sender pools",
      description: "All pools, oldest first. The default pool sends requests that name neither a session nor a pool.",
      answers: ok(PoolList, "All pools, oldest first."),
      handle: async ({ services, actor }) => {
        const rows = await selectPools(services.db, actor.workspaceId).orderBy("id").execute();
        return { pools: rows.map(toPool) };
      },
    }),
    operation({
      id: "getPool",
      method: "get",
      path: "/v1/pools/{id}",
      scope: "session:manage",
      live: true,
      summary: "Get a sender pool",
      description: "Its strategy, its pacing for messages that are not codes, and its rules for strangers.",
      params: byId,
      answers: ok(Pool, "The pool."),
      handle: async ({ services, actor }, { params }) => {
        const row = await selectPools(services.db, actor.workspaceId).where("id", "=", params.id).executeTakeFirst();
        if (!row) throw new AppError("pool-not-found");
        return toPool(row);
      },
    }),
    operation({
      id: "changePool",
      method: "patch",
      path: "/v1/pools/{id}",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Change a sender pool",
      description: "The change applies to messages that are sent from now on.",
      params: byId,
      body: { schema: ChangePool, example: { pacing: "careful" } },
      answers: ok(Pool, "Changed."),
      throws: ["pool-exists"],
      handle: (ctx, { params, body }) => changePool(ctx, { id: params.id, change: body }),
    }),
    operation({
      id: "deletePool",
      method: "delete",
      path: "/v1/pools/{id}",
      scope: "session:manage",
      live: true,
      idempotent: "change",
      summary: "Delete a sender pool",
      description: "Deletes a pool without sessions. The default pool cannot be deleted.",
      params: byId,
      answers: noContent("Deleted."),
      throws: ["pool-not-empty"],
      handle: (ctx, { params }) => deletePool(ctx, params.id),
    }),
  ],
};
