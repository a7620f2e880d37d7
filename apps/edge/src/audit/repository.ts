import type { AuditEntry, ListAudit } from "@sandi/contracts";
import type { Db, Tables } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { iso } from "../time.ts";

type AuditRow = Tables["audit"];

/** Newest first: all entries of the workspace; for a test key, the entries of the sandbox. */
export function findEntries(
  db: Db,
  { workspaceId, test }: Tenant,
  { actor, action, target, cursor, limit }: ListAudit,
): Promise<AuditRow[]> {
  let query = db.kysely.selectFrom("audit").selectAll().where("workspaceId", "=", workspaceId);
  if (test === 1) query = query.where("test", "=", 1);
  if (actor !== undefined) query = query.where("actor", "=", actor);
  if (action !== undefined) query = query.where("action", "=", action);
  if (target !== undefined) query = query.where("target", "=", target);
  if (cursor !== undefined) query = query.where("id", "<", cursor);
  return query.orderBy("id", "desc").limit(limit).execute();
}

export const toEntry = ({ id, actor, action, target, detail, createdAt }: AuditRow): AuditEntry => ({
  id,
  actor,
  action,
  target,
  detail: JSON.parse(detail) as Record<string, unknown>,
  createdAt: iso(createdAt),
});
