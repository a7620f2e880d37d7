import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { AppError, ChangePool, CreatePool, Pool, PoolId, PoolList } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { changePool } from "./change-pool.ts";
import { createPool } from "./create-pool.ts";
import { deletePool } from "./delete-pool.ts";
import { selectPools, toPool } from "./repository.ts";

const manage = authenticate("session:manage");
const params = z.object({ id: PoolId });
const shared = { tags: ["Sender pools"], security };

export const pools = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/pools",
      operationId: "createPool",
      summary: "Create a sender pool",
      description:
        "The sessions of a pool stand in for each other: who sends is chosen by its strategy and by how fit they are, and what one of them cannot send goes to the next. At most 20. Scope: `session:manage`, as for all of these.",
      middleware: [manage, liveOnly, jsonBody()] as const,
      request: { headers: idempotencyHeader, body: body(CreatePool, { name: "Indonesia", strategy: "least_loaded" }) },
      responses: {
        201: json(Pool, "Created."),
        ...problems(...ofBodies, "pool-exists", "pool-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const input = { input: c.req.valid("json"), repetition: await repetitionOf(c) };
      const { resource, replayed } = await createPool(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/pools/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/pools",
      operationId: "listPools",
      summary: "List sender pools",
      description: "All of them, oldest first; the default pool sends what names neither a session nor a pool.",
      middleware: [manage, liveOnly] as const,
      responses: { 200: json(PoolList, "All pools, oldest first."), ...problems() },
    }),
    async (c) => {
      const rows = await selectPools(c.env.services.db, c.var.ctx.actor.workspaceId).orderBy("id").execute();
      return c.json({ pools: rows.map(toPool) }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/pools/{id}",
      operationId: "getPool",
      summary: "Look at a sender pool",
      description: "How it chooses, how fast it sends what is not a code, and what it does for strangers.",
      middleware: [manage, liveOnly] as const,
      request: { params },
      responses: { 200: json(Pool, "As it is."), ...problems("pool-not-found") },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const row = await selectPools(c.env.services.db, c.var.ctx.actor.workspaceId)
        .where("id", "=", id)
        .executeTakeFirst();
      if (!row) throw new AppError("pool-not-found");
      return c.json(toPool(row), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "patch",
      path: "/v1/pools/{id}",
      operationId: "changePool",
      summary: "Change a sender pool",
      description: "What is sent from now on goes by it.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(ChangePool, { pacing: "careful" }) },
      responses: {
        200: json(Pool, "Changed."),
        ...problems(...ofBodies, ...ofRepeats, "pool-not-found", "pool-exists"),
      },
    }),
    async (c) => {
      const input = { id: c.req.valid("param").id, change: c.req.valid("json") };
      return c.json(await changePool(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/pools/{id}",
      operationId: "deletePool",
      summary: "Delete a sender pool",
      description: "One that no session belongs to; the default pool stays.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: {
        204: { description: "Deleted." },
        ...problems(...ofBodies, ...ofRepeats, "pool-not-found", "pool-not-empty"),
      },
    }),
    async (c) => {
      await deletePool(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );
