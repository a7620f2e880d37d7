import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { AccessRuleId, AccessRuleList, CreateAccessRule, CreatedAccessRule, ListAccessRules } from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { createRule } from "./create-rule.ts";
import { deleteRule } from "./delete-rule.ts";
import { findRules, toAccessRule } from "./repository.ts";

const manage = authenticate("key:manage");
const shared = { tags: ["Access rules"], security };

export const accessRules = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/access-rules",
      operationId: "createAccessRule",
      summary: "Add a rule",
      description:
        "A number, prefix or country is meant in all spellings under which WhatsApp knows it: a rule for `+5491123456789` holds for `+541123456789`. A block rule for a number, a country or a prefix of up to seven digits also ends the pending verifications and cancels the queued messages that it is for, unless a rule allows them. At most 1,000 rules, one for each number, prefix, country and range. Scope: `key:manage`, as for all of these.",
      middleware: [manage, liveOnly, jsonBody()] as const,
      request: {
        headers: idempotencyHeader,
        body: body(CreateAccessRule, { effect: "block", kind: "number", value: "+6281234567890" }),
      },
      responses: {
        201: json(CreatedAccessRule, "Added."),
        ...problems(...ofBodies, "access-rule-exists", "access-rule-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const input = { input: c.req.valid("json"), repetition: await repetitionOf(c) };
      const { resource, replayed } = await createRule(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/access-rules",
      operationId: "listAccessRules",
      summary: "List rules",
      description: "Newest first; those whose time is over are gone.",
      middleware: [manage, liveOnly] as const,
      request: { query: ListAccessRules },
      responses: { 200: json(AccessRuleList, "A page of them."), ...problems("invalid-request") },
    }),
    async (c) => {
      const { services } = c.env;
      const query = c.req.valid("query");
      const at = services.now().getTime();
      const rows = await findRules(services.db, c.var.ctx.actor.workspaceId, { ...query, at });
      const page = rows.slice(0, query.limit);
      const nextCursor = rows.length > query.limit ? (page.at(-1)?.id ?? null) : null;
      return c.json({ rules: page.map(toAccessRule), nextCursor }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/access-rules/{id}",
      operationId: "deleteAccessRule",
      summary: "Delete a rule",
      description: "What it has ended stays so.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params: z.object({ id: AccessRuleId }), headers: idempotencyHeader },
      responses: { 204: { description: "Deleted." }, ...problems(...ofBodies, ...ofRepeats, "access-rule-not-found") },
    }),
    async (c) => {
      await deleteRule(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );
