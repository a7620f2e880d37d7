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
  tag: { name: "Sender pools", description: "Sessions that stand in for each other." },
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
        "The sessions of a pool stand in for each other: who sends is chosen by its strategy and by how fit they are, and what one of them cannot send goes to the next. At most 20.",
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
      description: "All of them, oldest first; the default pool sends what names neither a session nor a pool.",
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
      summary: "Look at a sender pool",
      description: "How it chooses, how fast it sends what is not a code, and what it does for strangers.",
      params: byId,
      answers: ok(Pool, "As it is."),
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
      description: "What is sent from now on goes by it.",
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
      description: "One that no session belongs to; the default pool stays.",
      params: byId,
      answers: noContent("Deleted."),
      throws: ["pool-not-empty"],
      handle: (ctx, { params }) => deletePool(ctx, params.id),
    }),
  ],
};
