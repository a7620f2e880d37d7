import { Policy, Quota, type Scope } from "@sandi/contracts";
import type { Db, KnownKey } from "../db/schema.ts";

/** The one look-up without a tenant: it is what finds the tenant. A revoked key is no key. */
export async function findKey(db: Db, hash: string): Promise<KnownKey | undefined> {
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
    .where("apiKey.hash", "=", hash)
    .where("apiKey.revokedAt", "is", null)
    .executeTakeFirst();
  return (
    row && {
      ...row,
      scopes: new Set(JSON.parse(row.scopes) as Scope[]),
      ipAllowList: JSON.parse(row.ipAllowList) as string[],
      policy: Policy.parse(JSON.parse(row.policy)),
      quota: Quota.parse(JSON.parse(row.quota)),
    }
  );
}

/** Notes a key's use, unless another isolate has since. */
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
