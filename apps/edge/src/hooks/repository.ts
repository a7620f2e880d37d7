import { Quota, type Scope, type SupabaseHook } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import type { Db, KnownKey, SupabaseHookTable } from "../db/schema.ts";
import { iso, isoOrNull } from "../messages/present.ts";
import type { Services } from "../services.ts";
import { readPolicy } from "../workspaces/stored-policy.ts";

/** What a hook may do in its workspace, and what whoever makes one has to be allowed. */
export const hookScopes: readonly Scope[] = ["otp:send", "otp:custom"];

export const selectHooks = (db: Db, workspaceId: string) =>
  db.kysely.selectFrom("supabaseHook").selectAll().where("workspaceId", "=", workspaceId);

export const findHooks = (db: Db, workspaceId: string): Promise<SupabaseHookTable[]> =>
  selectHooks(db, workspaceId).orderBy("id").execute();

export const findHook = (db: Db, workspaceId: string, id: string): Promise<SupabaseHookTable | undefined> =>
  selectHooks(db, workspaceId).where("id", "=", id).executeTakeFirst();

/** A hook with what it acts as: its workspace's, live, and able to send codes that others have made. */
export async function findHookKey(db: Db, id: string): Promise<{ hook: SupabaseHookTable; key: KnownKey } | undefined> {
  const row = await db.kysely
    .selectFrom("supabaseHook")
    .innerJoin("workspace", "workspace.id", "supabaseHook.workspaceId")
    .selectAll("supabaseHook")
    .select([
      "workspace.name as workspaceName",
      "workspace.createdAt as workspaceCreatedAt",
      "workspace.policy",
      "workspace.quota",
    ])
    .where("supabaseHook.id", "=", id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { workspaceName, workspaceCreatedAt, policy, quota, ...hook } = row;
  const key: KnownKey = {
    id,
    workspaceId: hook.workspaceId,
    workspaceName,
    workspaceCreatedAt,
    policy: readPolicy(policy),
    quota: Quota.parse(JSON.parse(quota)),
    ipAllowList: [],
    environment: "live",
    scopes: new Set(hookScopes),
    expiresAt: null,
    lastUsedAt: null,
  };
  return { hook, key };
}

type SecretColumn = "secret" | "previous_secret";
type Place = { workspaceId: string; id: string; column: SecretColumn };

const contextOf = ({ column, id }: Place) => ({ table: "supabase_hook", column, id });

export const sealSecret = ({ atRest }: Services, place: Place, secret: string): Promise<string> =>
  atRest(place.workspaceId).seal(utf8(secret), contextOf(place));

export const openSecret = async ({ atRest }: Services, place: Place, sealed: string): Promise<string> =>
  new TextDecoder().decode(await atRest(place.workspaceId).open(sealed, contextOf(place)));

/** The secrets that are good now: the present one, and for a day the one before. */
export async function secretsOf(services: Services, hook: SupabaseHookTable): Promise<string[]> {
  const { workspaceId, id, previousSecret, previousUntil } = hook;
  const secrets = [await openSecret(services, { workspaceId, id, column: "secret" }, hook.secret)];
  if (previousSecret !== null && (previousUntil ?? 0) > services.now().getTime()) {
    secrets.push(await openSecret(services, { workspaceId, id, column: "previous_secret" }, previousSecret));
  }
  return secrets;
}

/** As callers see it: never with a secret. */
export const toHook = ({ publicUrl, now }: Services, row: SupabaseHookTable): SupabaseHook => ({
  id: row.id,
  name: row.name,
  url: `${publicUrl}/v1/hooks/supabase/${row.id}`,
  companyName: row.companyName,
  locale: row.locale,
  templateId: row.templateId,
  previousSecretUntil: isoOrNull((row.previousUntil ?? 0) > now().getTime() ? row.previousUntil : null),
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
});
