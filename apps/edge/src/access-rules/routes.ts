import { z } from "zod";
import {
  AccessRule,
  AccessRuleId,
  AccessRuleList,
  AppError,
  CreateAccessRule,
  CreatedAccessRule,
  ListAccessRules,
} from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { created, noContent, ok, page } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { createRule } from "./create-rule.ts";
import { deleteRule } from "./delete-rule.ts";
import { findRules, selectRules, toAccessRule } from "./repository.ts";
import { sweepAccessRules } from "./sweeps.ts";

export const accessRules: Feature = {
  tag: { name: "Access rules", description: "Rules that allow or block codes and messages." },
  notFound: "access-rule-not-found",
  operations: [
    operation({
      id: "createAccessRule",
      method: "post",
      path: "/v1/access-rules",
      scope: "key:manage",
      live: true,
      idempotent: "create",
      summary: "Create a rule",
      description:
        "A rule matches all spellings of a number that WhatsApp knows: a rule for `+5491123456789` also matches `+541123456789`. A block rule for a number, a country or a prefix of up to seven digits also ends the pending verifications and cancels the queued messages that it matches, unless a rule allows them. At most 1,000 rules, one for each number, prefix, country and range.",
      body: { schema: CreateAccessRule, example: { effect: "block", kind: "number", value: "+6281234567890" } },
      answers: created(CreatedAccessRule, "Created."),
      throws: ["access-rule-exists", "access-rule-limit-reached"],
      handle: (ctx, { body, idempotencyKey }) => createRule(ctx, { input: body, idempotencyKey }),
    }),
    operation({
      id: "listAccessRules",
      method: "get",
      path: "/v1/access-rules",
      scope: "key:manage",
      live: true,
      summary: "List rules",
      description: "Newest first, without rules that have expired.",
      query: ListAccessRules,
      answers: page(AccessRuleList, "rules"),
      handle: async ({ services, actor }, { query }) => {
        const at = services.now().getTime();
        return (await findRules(services.db, actor.workspaceId, { ...query, at })).map(toAccessRule);
      },
    }),
    operation({
      id: "getAccessRule",
      method: "get",
      path: "/v1/access-rules/{id}",
      scope: "key:manage",
      live: true,
      summary: "Get a rule",
      description: "A rule that has expired is not found.",
      params: z.object({ id: AccessRuleId }),
      answers: ok(AccessRule, "The rule."),
      handle: async ({ services, actor }, { params: { id } }) => {
        const at = services.now().getTime();
        const row = await selectRules(services.db, actor.workspaceId, at).where("id", "=", id).executeTakeFirst();
        if (!row) throw new AppError("access-rule-not-found");
        return toAccessRule(row);
      },
    }),
    operation({
      id: "deleteAccessRule",
      method: "delete",
      path: "/v1/access-rules/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Delete a rule",
      description: "Verifications and messages that the rule ended stay ended.",
      params: z.object({ id: AccessRuleId }),
      answers: noContent("Deleted."),
      handle: (ctx, { params: { id } }) => deleteRule(ctx, id),
    }),
  ],
  sweeps: sweepAccessRules,
};
