import { AuditList, ListAudit } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { partialPage } from "../http/answers.ts";
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
      summary: "List audit entries",
      description:
        "Changes of keys, policy, quota, templates, rules and locks, and external approvals, newest first. Entries are kept for the policy's `retentionDays.audit`, at most for the quota's. A request that changes nothing has no entry. A test key sees the entries by test keys and about test keys.",
      query: ListAudit,
      answers: partialPage(AuditList, "entries"),
      handle: async ({ services, actor }, { query }) => {
        const { items, continueAt } = await findEntries(services.db, tenantOf(actor), query);
        return { items: items.map(toEntry), continueAt };
      },
    }),
  ],
  sweeps: sweepAudit,
};
