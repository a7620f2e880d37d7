import type { ApiKey } from "@sandi/contracts";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Db } from "../db/schema.ts";
import { iso, isoOrNull } from "../time.ts";
import { type ApiKeyRow, scopesOf } from "../auth/calling-key.ts";

export const selectKeys = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("apiKey").selectAll().where("workspaceId", "=", workspaceId);

/** The keys that a key may see: a test key sees test keys only. */
export function selectKeysFor(db: Db, { workspaceId, environment }: Actor) {
  const query = selectKeys(db, workspaceId);
  return environment === "test" ? query.where("environment", "=", "test") : query;
}

export const findApiKey = (db: Db, workspaceId: string, id: string): Promise<ApiKeyRow | undefined> =>
  selectKeys(db, workspaceId).where("id", "=", id).executeTakeFirst();

/** In SQL the number of a workspace's working keys. */
export const liveKeys = (workspaceId: string, at: number) =>
  sql<number>`(SELECT count(*) FROM api_key WHERE workspace_id = ${workspaceId} AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > ${at}))`;

/** The key as the API shows it, without the hash. */
export const toApiKey = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  environment: row.environment,
  scopes: scopesOf(row),
  ipAllowList: JSON.parse(row.ipAllowList) as string[],
  createdAt: iso(row.createdAt),
  expiresAt: isoOrNull(row.expiresAt),
  revokedAt: isoOrNull(row.revokedAt),
  lastUsedAt: isoOrNull(row.lastUsedAt),
  replacedBy: row.replacedBy,
});
