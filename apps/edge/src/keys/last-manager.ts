import { type RawBuilder, sql } from "kysely";
import { never } from "../writes/commit-as.ts";
import { type ApiKeyRow, scopesOf } from "../auth/calling-key.ts";

/**
 * For a `commitAs` batch, after the statement that revokes or changes a key: fails the batch if no working live key with
 * `key:manage` is left, or if the key never expired and all remaining keys expire.
 * @param row the key before the change
 * @param isOutOfReach the caller limits its own key to other addresses than its own, so this key does not count
 */
export function refuseLastManager(
  row: ApiKeyRow,
  { at, isOutOfReach = false }: { at: number; isOutOfReach?: boolean },
): RawBuilder<unknown>[] {
  const worked = row.revokedAt === null && (row.expiresAt ?? never) > at;
  if (row.environment !== "live" || !worked || !scopesOf(row).includes("key:manage")) return [];
  const until = row.expiresAt === null ? never : at + 1;
  return [
    sql`INSERT INTO refusal (reason) SELECT 'manager' WHERE NOT EXISTS (SELECT 1 FROM api_key k
      WHERE k.workspace_id = ${row.workspaceId} AND k.environment = 'live' AND k.revoked_at IS NULL
        AND coalesce(k.expires_at, ${never}) >= ${until} AND k.id IS NOT ${isOutOfReach ? row.id : null}
        AND EXISTS (SELECT 1 FROM json_each(k.scopes) WHERE value = 'key:manage'))`,
  ];
}
