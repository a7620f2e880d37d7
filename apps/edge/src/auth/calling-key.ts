import { Quota, type Scope } from "@sandi/contracts";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Db, Tables } from "../db/schema.ts";
import { readPolicy } from "../stored-policy.ts";

export type ApiKeyRow = Tables["apiKey"];

export const scopesOf = ({ scopes }: Pick<ApiKeyRow, "scopes">) => JSON.parse(scopes) as Scope[];

/** The actor of a key, and when the key was last used. */
export interface CallingKey {
  actor: Actor;
  /** Milliseconds; null: never. */
  lastUsedAt: number | null;
}

/** A look-up without a tenant, because it finds the tenant. Revoked keys are not found. */
export async function findKey(db: Db, hash: string): Promise<CallingKey | undefined> {
  const row = await db.kysely
    .selectFrom("apiKey")
    .innerJoin("workspace", "workspace.id", "apiKey.workspaceId")
    .select([
      "apiKey.id",
      "apiKey.workspaceId",
      "apiKey.environment",
      "apiKey.scopes",
      "apiKey.expiresAt",
      "apiKey.lastUsedAt",
      "apiKey.ipAllowList",
      "workspace.name as workspaceName",
      "workspace.createdAt as workspaceCreatedAt",
      "workspace.policy",
      "workspace.quota",
    ])
    .select(
      sql<0 | 1>`EXISTS (SELECT 1 FROM webhook_position p WHERE p.workspace_id = api_key.workspace_id)`.as(
        "hasWebhooks",
      ),
    )
    .where("apiKey.hash", "=", hash)
    .where("apiKey.revokedAt", "is", null)
    .executeTakeFirst();
  if (!row) return undefined;
  const { id, lastUsedAt, ...rest } = row;
  const actor: Actor = {
    ...rest,
    by: { kind: "key", id },
    scopes: new Set(scopesOf(row)),
    ipAllowList: JSON.parse(row.ipAllowList) as string[],
    policy: readPolicy(row.policy),
    quota: Quota.parse(JSON.parse(row.quota)),
    hasWebhooks: row.hasWebhooks === 1,
  };
  return { actor, lastUsedAt };
}

/** Stores the time of a key's use, unless another isolate has stored it since. */
export async function touchKey(
  db: Db,
  workspaceId: string,
  { id, now, since }: { id: string; now: number; since: number },
): Promise<void> {
  await db.kysely
    .updateTable("apiKey")
    .set({ lastUsedAt: now })
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where((eb) => eb.or([eb("lastUsedAt", "is", null), eb("lastUsedAt", "<=", since)]))
    .execute();
}
