import { AppError, ChangeWorkspace, CreatedWorkspace, CreateWorkspace, Workspace } from "@sandi/contracts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Feature } from "../feature.ts";
import { created, ok } from "../http/answers.ts";
import type { AppEnv } from "../http/app-env.ts";
import { openOperation, operation } from "../http/operation.ts";
import { bootstrapWorkspace, refuseWrongToken } from "./bootstrap.ts";
import { changeWorkspace } from "./change-workspace.ts";
import { findWorkspace, toWorkspace } from "./repository.ts";

const bearer = /^Bearer +(\S+) *$/i;

const operatorToken = (c: Context<AppEnv>) =>
  refuseWrongToken(c.env.services, bearer.exec(c.req.header("authorization") ?? "")?.[1]);

/** Before the body is read: nobody else gets that far. */
const operator = createMiddleware<AppEnv>(async (c, next) => {
  await operatorToken(c);
  await next();
});

export const workspaces: Feature = {
  tag: { name: "Workspace", description: "What a tenant may do, and what its codes are like." },
  operations: [
    operation({
      id: "getWorkspace",
      method: "get",
      path: "/v1/workspace",
      scope: "key:manage",
      summary: "Look at the workspace",
      description: "Its policy with every default filled in, and what the operator grants it.",
      answers: ok(Workspace, "As it is now."),
      handle: async ({ services, actor }) => {
        const row = await findWorkspace(services.db, actor.workspaceId);
        if (!row) throw new AppError("unauthenticated");
        return toWorkspace(row);
      },
    }),
    operation({
      id: "changeWorkspace",
      method: "patch",
      path: "/v1/workspace",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Change the workspace",
      description:
        "Its name, and fields of its policy: what is left out stays, null puts a field's default back. Acts within a minute everywhere, on what is created from then on.",
      body: { schema: ChangeWorkspace, example: { policy: { countries: ["ID", "SG"], maxChecks: 3 } } },
      answers: ok(Workspace, "Changed."),
      handle: (ctx, { body }) => changeWorkspace(ctx, body),
    }),
    openOperation({
      id: "createWorkspace",
      method: "post",
      path: "/v1/workspaces",
      guard: { scheme: "operatorToken", check: operator },
      summary: "Create the first workspace",
      description:
        "For the operator, with the Worker's `BOOTSTRAP_TOKEN` in place of an API key: once, for the token is used up. Makes a workspace, its admin and two keys. Without that variable this is always 401.",
      body: { schema: CreateWorkspace, example: { name: "Acme", adminEmail: "ops@example.com", defaultCountry: "ID" } },
      answers: created(CreatedWorkspace, "Created."),
      handle: async (services, { body }, c) =>
        bootstrapWorkspace(services, { token: await operatorToken(c), input: body }),
    }),
  ],
};
