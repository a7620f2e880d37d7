import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { AppError, ChangeWorkspace, CreatedWorkspace, CreateWorkspace, Workspace } from "@sandi/contracts";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { jsonBody } from "../http/body.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { bootstrapWorkspace, refuseWrongToken } from "./bootstrap.ts";
import { changeWorkspace } from "./change-workspace.ts";
import { findWorkspace, toWorkspace } from "./repository.ts";

const manage = authenticate("key:manage");
const tags = ["Workspace"];
const bearer = /^Bearer +(\S+) *$/i;

/** Before the body is read: nobody else gets that far. */
const operator = createMiddleware<AppEnv>(async (c, next) => {
  await refuseWrongToken(c.env.services, bearer.exec(c.req.header("authorization") ?? "")?.[1]);
  await next();
});

export const workspaces = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      tags,
      security,
      method: "get",
      path: "/v1/workspace",
      operationId: "getWorkspace",
      summary: "Look at the workspace",
      description:
        "Its policy with every default filled in, and what the operator grants it. Scope: `key:manage`, as for changing it.",
      middleware: [manage] as const,
      responses: { 200: json(Workspace, "As it is now."), ...problems() },
    }),
    async (c) => {
      const row = await findWorkspace(c.env.services.db, c.var.ctx.actor.workspaceId);
      if (!row) throw new AppError("unauthenticated");
      return c.json(toWorkspace(row), 200);
    },
  )
  .openapi(
    createRoute({
      tags,
      security,
      method: "patch",
      path: "/v1/workspace",
      operationId: "changeWorkspace",
      summary: "Change the workspace",
      description:
        "Its name, and fields of its policy: what is left out stays, null puts a field's default back. Acts within a minute everywhere, on what is created from then on.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: {
        headers: idempotencyHeader,
        body: body(ChangeWorkspace, { policy: { countries: ["ID", "SG"], maxChecks: 3 } }),
      },
      responses: { 200: json(Workspace, "Changed."), ...problems(...ofBodies, ...ofRepeats) },
    }),
    async (c) => c.json(await changeWorkspace(c.var.ctx, c.req.valid("json")), 200),
  )
  .openapi(
    createRoute({
      tags,
      security: [{ operatorToken: [] }],
      method: "post",
      path: "/v1/workspaces",
      operationId: "createWorkspace",
      summary: "Create the first workspace",
      description:
        "For the operator, with the Worker's `BOOTSTRAP_TOKEN` in place of an API key: once, for the token is used up. Makes a workspace, its admin and two keys. Without that variable this is always 401.",
      middleware: [operator, jsonBody()] as const,
      request: {
        body: body(CreateWorkspace, { name: "Acme", adminEmail: "ops@example.com", defaultCountry: "ID" }),
      },
      responses: { 201: json(CreatedWorkspace, "Created."), ...problems(...ofBodies) },
    }),
    async (c) => {
      const token = await refuseWrongToken(c.env.services, bearer.exec(c.req.header("authorization") ?? "")?.[1]);
      return c.json(await bootstrapWorkspace(c.env.services, { token, input: c.req.valid("json") }), 201);
    },
  );

workspaces.openAPIRegistry.registerComponent("securitySchemes", "operatorToken", {
  type: "http",
  scheme: "bearer",
  description: "The Worker's `BOOTSTRAP_TOKEN`, which works once.",
});
