import type { AccessRule, ListAccessRules } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { AccessRuleTable } from "../db/tables/workspaces.ts";
import { iso, isoOrNull } from "../time.ts";

/** With expired rules: they are deleted later. */
export const selectStoredRules = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("accessRule").selectAll().where("workspaceId", "=", workspaceId);

/** The rules that have not expired. */
export const selectRules = (db: Db, workspaceId: string, at: number) =>
  selectStoredRules(db, workspaceId).where((eb) => eb.or([eb("expiresAt", "is", null), eb("expiresAt", ">", at)]));

/** Newest first. */
export function findRules(
  db: Db,
  workspaceId: string,
  { effect, kind, cursor, limit, at }: ListAccessRules & { at: number },
): Promise<AccessRuleTable[]> {
  let query = selectRules(db, workspaceId, at);
  if (effect !== undefined) query = query.where("effect", "=", effect);
  if (kind !== undefined) query = query.where("kind", "=", kind);
  if (cursor !== undefined) query = query.where("id", "<", cursor);
  return query.orderBy("id", "desc").limit(limit).execute();
}

export const toAccessRule = (row: AccessRuleTable): AccessRule => ({
  id: row.id,
  effect: row.effect,
  kind: row.kind,
  value: row.label,
  note: row.note,
  expiresAt: isoOrNull(row.expiresAt),
  createdAt: iso(row.createdAt),
});

/** For the audit log. A long prefix is shortened: it may be a full number. */
export const toDetail = ({ effect, kind, label }: Pick<AccessRuleTable, "effect" | "kind" | "label">) => ({
  effect,
  kind,
  value: kind === "prefix" && label.length > 7 ? `${label.slice(0, 7)}…` : label,
});
