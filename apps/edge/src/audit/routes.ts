import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { AuditList, ListAudit } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate } from "../http/auth.ts";
import { json, problems, security } from "../http/openapi.ts";
import { tenantOf } from "../keys/tenant.ts";
import { findEntries, toEntry } from "./repository.ts";

export const audit = new OpenAPIHono<AppEnv>().openapi(
  createRoute({
    tags: ["Audit log"],
    security,
    method: "get",
    path: "/v1/audit",
    operationId: "listAudit",
    summary: "Who changed what",
    description:
      "Changes of keys, policy, quota, templates, rules and locks, and approvals from outside, newest first. Kept for as long as the policy says, and at most as long as the quota does. What changes nothing has no entry. A test key sees what test keys have done and what was done to them. Scope: `key:manage`.",
    middleware: [authenticate("key:manage")] as const,
    request: { query: ListAudit },
    responses: { 200: json(AuditList, "A page of them."), ...problems("invalid-request") },
  }),
  async (c) => {
    const query = c.req.valid("query");
    const rows = await findEntries(c.env.services.db, tenantOf(c.var.ctx.actor), query);
    const page = rows.slice(0, query.limit);
    const nextCursor = rows.length > query.limit ? (page.at(-1)?.id ?? null) : null;
    return c.json({ entries: page.map(toEntry), nextCursor }, 200);
  },
);
