import { AuditList, ListAudit } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { page } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { tenantOf } from "../auth/tenant.ts";
import { findEntries, toEntry } from "./repository.ts";
import { sweepAudit } from "./sweeps.ts";

export const audit: Feature = {
  tag: { name: "Audit log", description: "Who changed what." },
  operations: [
    operation({
      id: "listAudit",
      method: "get",
      path: "/v1/audit",
      scope: "key:manage",
      summary: "Who changed what",
      description:
        "Changes of keys, policy, quota, templates, rules and locks, and approvals from outside, newest first. Kept for as long as the policy says, and at most as long as the quota does. What changes nothing has no entry. A test key sees what test keys have done and what was done to them.",
      query: ListAudit,
      answers: page(AuditList, "entries"),
      handle: async ({ services, actor }, { query }) =>
        (await findEntries(services.db, tenantOf(actor), query)).map(toEntry),
    }),
  ],
  sweeps: sweepAudit,
};
