import type { AuditEntry, ListAudit } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db, Tables } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { type Found, windowOf } from "../page-window.ts";
import { iso } from "../time.ts";

type AuditRow = Tables["audit"];

/** Newest first: all entries of the workspace; for a test key, the entries of the sandbox. */
export async function findEntries(
  db: Db,
  tenant: Tenant,
  { actor, action, target, cursor = "aud_~", limit }: ListAudit,
): Promise<Found<AuditRow>> {
  const window = windowOf({ table: "audit", tenant, from: "aud_", before: cursor });
  let query = db.kysely
    .selectFrom("audit")
    .selectAll()
    .where("workspaceId", "=", tenant.workspaceId)
    .where(window.has(sql`id`));
  if (tenant.test === 1) query = query.where(sql<boolean>`test = 1`);
  if (actor !== undefined) query = query.where("actor", "=", actor);
  if (action !== undefined) query = query.where("action", "=", action);
  if (target !== undefined) query = query.where("target", "=", target);
  const [entries, floor] = await db.read([query.orderBy("id", "desc").limit(limit), window.floor]);
  return { items: entries.rows, continueAt: floor.rows[0]?.id };
}

export const toEntry = ({ id, actor, action, target, detail, createdAt }: AuditRow): AuditEntry => ({
  id,
  actor,
  action,
  target,
  detail: JSON.parse(detail) as Record<string, unknown>,
  createdAt: iso(createdAt),
});
