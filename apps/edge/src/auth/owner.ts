import type { OwnerEnding, Scope } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

interface Owned {
  /** The owning key's id, or a column with it; null in the column: the workspace is the owner. */
  createdBy: RawBuilder<unknown> | string;
  workspaceId: RawBuilder<unknown>;
}

interface Needs {
  scopes: readonly Scope[];
  /** It can be called from any address, so a key with a list of addresses cannot own it. */
  isOpen: boolean;
  at: number;
}

/** In SQL why the owning key no longer gives its powers; null while it does, or if the workspace is the owner. */
export const endingOf = ({ createdBy, workspaceId }: Owned, { scopes, isOpen, at }: Needs) =>
  sql<OwnerEnding | null>`nullif(CASE WHEN ${createdBy} IS NULL THEN '' ELSE coalesce((SELECT CASE
      WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= ${at} THEN 'expired'
      WHEN ${isOpen ? sql`k.ip_allow_list <> '[]'` : sql`false`} OR EXISTS (SELECT 1
        FROM json_each(${JSON.stringify(scopes)}) needed WHERE needed.value NOT IN (SELECT value FROM json_each(k.scopes)))
      THEN 'narrowed' ELSE '' END
    FROM api_key k WHERE k.id = ${createdBy} AND k.workspace_id = ${workspaceId}), 'revoked') END, '')`;

/** Statements for a rotation's batch: hooks and endpoints of the old key move to its replacement. */
export function moveOwned(
  db: Db,
  workspaceId: string,
  { from, to, when }: { from: string; to: string; when: RawBuilder<boolean> },
): CompiledQuery[] {
  return (["supabaseHook", "endpoint"] as const).map((table) =>
    sql`UPDATE ${sql.table(table)} SET created_by = ${to}
      WHERE created_by = ${from} AND workspace_id = ${workspaceId} AND ${when}`.compile(db.kysely),
  );
}
