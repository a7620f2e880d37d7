import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { isRefused } from "../db/failures.ts";
import { dropCachedKeys } from "../auth/cache.ts";
import { type Commit, commit } from "./commit.ts";

/** Later than every date, so that null compares as "never". */
export const never = Number.MAX_SAFE_INTEGER;

/**
 * Commits for the calling key. The cached key may be a minute old, so the batch first compares it with the key's row. It
 * stores nothing if the key was revoked, has expired or was narrowed since.
 * @throws `unauthenticated`, and drops the key from the cache; `last-manager-key` for `refuseLastManager`
 */
export const commitAs = (async (ctx: Context, batch: Parameters<Commit<Context>>[1]) => {
  const { services, actor } = ctx;
  try {
    return await commit(services, {
      ...batch,
      guards: [refuseUnlessSame(actor, services.now().getTime()), ...(batch.guards ?? [])],
    });
  } catch (error) {
    throw refusalOf(ctx, error) ?? error;
  }
}) as Commit<Context>;

/** A guard: the batch fails if the key may do less than the actor. */
export function refuseUnlessSame({ by, workspaceId, scopes, ipAllowList, expiresAt }: Actor, at: number) {
  if (by.kind !== "key") throw new AppError("insufficient-scope", { detail: `A ${by.kind} makes no changes.` });
  const held = JSON.stringify([...scopes]);
  return sql`INSERT INTO refusal (reason) SELECT 'caller' WHERE NOT EXISTS (SELECT 1 FROM api_key k
    WHERE k.id = ${by.id} AND k.workspace_id = ${workspaceId} AND k.revoked_at IS NULL
      AND coalesce(k.expires_at, ${never}) > ${at} AND coalesce(k.expires_at, ${never}) >= ${expiresAt ?? never}
      AND k.ip_allow_list IN ('[]', ${JSON.stringify(ipAllowList)})
      AND (k.scopes = ${held} OR NOT EXISTS (SELECT 1 FROM json_each(${held}) had
        WHERE had.value NOT IN (SELECT value FROM json_each(k.scopes)))))`;
}

/** The problem of a batch that a guard refused. */
export function refusalOf({ services, actor }: Context, error: unknown): AppError | undefined {
  if (isRefused(error, "no_manager_is_left")) {
    const detail = "This is the last key that works and has `key:manage`. Create another one first.";
    return new AppError("last-manager-key", { detail });
  }
  if (!isRefused(error, "caller_may_no_more")) return undefined;
  dropCachedKeys(services, { id: actor.by.id });
  const detail = "The key was revoked, has expired or was narrowed a moment ago. Nothing was changed.";
  return new AppError("unauthenticated", { detail });
}
