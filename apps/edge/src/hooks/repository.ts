import { type OwnerEnding, Quota, type Scope, type SupabaseHook } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Db } from "../db/schema.ts";
import type { SupabaseHookTable } from "../db/tables/workspaces.ts";
import type { Powers } from "../auth/powers.ts";
import { endingOf } from "../auth/owner.ts";
import { iso, isoOrNull } from "../time.ts";
import type { Services } from "../services.ts";
import { readPolicy } from "../stored-policy.ts";

/** The scopes that a hook needs from its key. */
const hookScopes: readonly Scope[] = ["otp:send", "otp:custom"];

/** What a hook may do until its key ends. Supabase's addresses are not known, so any address may call it. */
export const hookPowers = (expiresAt: number | null): Powers => ({
  environment: "live",
  scopes: hookScopes,
  ipAllowList: [],
  expiresAt,
});

/** A hook, the expiry of its key, and why it is stopped. */
export type HookRow = SupabaseHookTable & { ownerExpiresAt: number | null; endedBecause: OwnerEnding | null };

const selectOwned = (db: Db, at: number) =>
  db.kysely
    .selectFrom("supabaseHook")
    .leftJoin("apiKey as owner", "owner.id", "supabaseHook.createdBy")
    .selectAll("supabaseHook")
    .select("owner.expiresAt as ownerExpiresAt")
    .select(
      endingOf(
        { createdBy: sql.ref("supabase_hook.created_by"), workspaceId: sql.ref("supabase_hook.workspace_id") },
        { scopes: hookScopes, isOpen: true, at },
      ).as("endedBecause"),
    );

export const selectHooks = (db: Db, workspaceId: string, at: number) =>
  selectOwned(db, at).where("supabaseHook.workspaceId", "=", workspaceId);

export const findHooks = (db: Db, workspaceId: string, at: number): Promise<HookRow[]> =>
  selectHooks(db, workspaceId, at).orderBy("supabaseHook.id").execute();

export const findHook = (
  db: Db,
  workspaceId: string,
  { id, at }: { id: string; at: number },
): Promise<HookRow | undefined> =>
  selectHooks(db, workspaceId, at).where("supabaseHook.id", "=", id).executeTakeFirst();

/** A hook and its actor, which may send codes until the hook's key ends. */
export async function findActingHook(
  db: Db,
  { id, at }: { id: string; at: number },
): Promise<{ hook: HookRow; actor: Actor } | undefined> {
  const row = await selectOwned(db, at)
    .innerJoin("workspace", "workspace.id", "supabaseHook.workspaceId")
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
  const actor: Actor = {
    by: { kind: "hook", id },
    workspaceId: hook.workspaceId,
    workspaceName,
    workspaceCreatedAt,
    policy: readPolicy(policy),
    quota: Quota.parse(JSON.parse(quota)),
    ...hookPowers(hook.ownerExpiresAt),
    scopes: new Set(hookScopes),
  };
  return { hook, actor };
}

type SecretColumn = "secret" | "previous_secret";
type SecretField = { workspaceId: string; id: string; column: SecretColumn };

const contextOf = ({ column, id }: SecretField) => ({ table: "supabase_hook", column, id });

export const sealSecret = ({ atRest }: Services, field: SecretField, secret: string): Promise<string> =>
  atRest(field.workspaceId).seal(utf8(secret), contextOf(field));

export const openSecret = async ({ atRest }: Services, field: SecretField, sealed: string): Promise<string> =>
  new TextDecoder().decode(await atRest(field.workspaceId).open(sealed, contextOf(field)));

/** The valid secrets: the current one, and the previous one for a day. */
export async function secretsOf(services: Services, hook: SupabaseHookTable): Promise<string[]> {
  const { workspaceId, id, previousSecret, previousUntil } = hook;
  const secrets = [await openSecret(services, { workspaceId, id, column: "secret" }, hook.secret)];
  if (previousSecret !== null && (previousUntil ?? 0) > services.now().getTime()) {
    secrets.push(await openSecret(services, { workspaceId, id, column: "previous_secret" }, previousSecret));
  }
  return secrets;
}

/** The hook as the API shows it, without secrets. */
export const toHook = ({ publicUrl, now }: Services, row: HookRow): SupabaseHook => ({
  id: row.id,
  name: row.name,
  url: `${publicUrl}/v1/hooks/supabase/${row.id}`,
  companyName: row.companyName,
  locale: row.locale,
  templateId: row.templateId,
  previousSecretUntil: isoOrNull((row.previousUntil ?? 0) > now().getTime() ? row.previousUntil : null),
  createdBy: row.createdBy,
  endedBecause: row.endedBecause,
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
});
