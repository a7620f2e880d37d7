import type { Results } from "@sandi/libsql";
import { AppError } from "@sandi/contracts";
import { type Compilable, type CompiledQuery, sql } from "kysely";
import { isRefused } from "../db/failures.ts";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { forgetKeys } from "./cache.ts";
import { type ApiKeyRow, scopesOf } from "./calling-key.ts";

/** Later than every date, so that null compares as "never". */
const never = Number.MAX_SAFE_INTEGER;

/**
 * Runs `db.write` for the calling key. The cached key may be a minute old, so the batch first compares it with
 * the key's row. It stores nothing if the key was revoked, has expired or was narrowed since.
 * @throws `unauthenticated`, and drops the key from the cache; `last-manager-key` for `refuseLastManager`
 */
export async function writeAs<const Queries extends readonly (CompiledQuery | Compilable)[]>(
  ctx: Context,
  queries: Queries,
): Promise<Results<Queries>> {
  const { services, actor } = ctx;
  const { db, now } = services;
  try {
    const { results } = await db.write({ caller: refuseUnlessSame(db, actor, now().getTime()), results: queries });
    return results;
  } catch (error) {
    if (isRefused(error, "no_manager_is_left")) {
      const detail = "This is the last key that works and has `key:manage`. Create another one first.";
      throw new AppError("last-manager-key", { detail });
    }
    if (!isRefused(error, "caller_may_no_more")) throw error;
    forgetKeys(services, { id: actor.by.id });
    const detail = "The key was revoked, has expired or was narrowed a moment ago. Nothing was changed.";
    throw new AppError("unauthenticated", { detail });
  }
}

function refuseUnlessSame(db: Db, { by, workspaceId, scopes, ipAllowList, expiresAt }: Actor, at: number) {
  if (by.kind !== "key") throw new AppError("insufficient-scope", { detail: `A ${by.kind} makes no changes.` });
  return sql`INSERT INTO refusal (reason) SELECT 'caller' WHERE NOT EXISTS (SELECT 1 FROM api_key k
    WHERE k.id = ${by.id} AND k.workspace_id = ${workspaceId} AND k.revoked_at IS NULL
      AND coalesce(k.expires_at, ${never}) > ${at} AND coalesce(k.expires_at, ${never}) >= ${expiresAt ?? never}
      AND k.ip_allow_list IN ('[]', ${JSON.stringify(ipAllowList)})
      AND NOT EXISTS (SELECT 1 FROM json_each(${JSON.stringify([...scopes])}) had
        WHERE had.value NOT IN (SELECT value FROM json_each(k.scopes))))`.compile(db.kysely);
}

/**
 * For a `writeAs` batch, behind the statement that revokes or changes a key: refuses the batch if no working live key
 * with `key:manage` is left, or if the key never expired and every key that is left does.
 * @param row the key before the change
 * @param isOutOfReach the caller limits its own key to addresses that it does not call from: then this key does not count
 */
export function refuseLastManager(
  db: Db,
  row: ApiKeyRow,
  { at, isOutOfReach = false }: { at: number; isOutOfReach?: boolean },
): CompiledQuery[] {
  const worked = row.revokedAt === null && (row.expiresAt ?? never) > at;
  if (row.environment !== "live" || !worked || !scopesOf(row).includes("key:manage")) return [];
  const until = row.expiresAt === null ? never : at + 1;
  return [
    sql`INSERT INTO refusal (reason) SELECT 'manager' WHERE NOT EXISTS (SELECT 1 FROM api_key k
      WHERE k.workspace_id = ${row.workspaceId} AND k.environment = 'live' AND k.revoked_at IS NULL
        AND coalesce(k.expires_at, ${never}) >= ${until} AND k.id IS NOT ${isOutOfReach ? row.id : null}
        AND EXISTS (SELECT 1 FROM json_each(k.scopes) WHERE value = 'key:manage'))`.compile(db.kysely),
  ];
}
