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

/** Runs before the body is read, so that only the operator can send a body. */
const operator = createMiddleware<AppEnv>(async (c, next) => {
  await operatorToken(c);
  await next();
});

export const workspaces: Feature = {
  tag: { name: "Workspace", description: "The settings and limits of a workspace." },
  operations: [
    operation({
      id: "getWorkspace",
      method: "get",
      path: "/v1/workspace",
      scope: "key:manage",
      summary: "Get the workspace",
      description: "Its policy with all defaults, and its quota.",
      answers: ok(Workspace, "The workspace."),
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
        "Changes its name and fields of its policy. Fields that are left out do not change; null restores a field's default. The change is effective everywhere within a minute, for resources that are created after that.",
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
        "For the operator, with the Worker's `BOOTSTRAP_TOKEN` instead of an API key. The token works once. Creates a workspace, its admin and two keys. Without that variable the answer is always 401.",
      body: { schema: CreateWorkspace, example: { name: "Acme", adminEmail: "ops@example.com", defaultCountry: "ID" } },
      answers: created(CreatedWorkspace, "Created."),
      handle: async (services, { body }, c) =>
        bootstrapWorkspace(services, { token: await operatorToken(c), input: body }),
    }),
  ],
};
