import { AppError, type ChangeSupabaseHook, type SupabaseHook } from "@sandi/contracts";
import { sql } from "kysely";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import type { KnownKey } from "../db/schema.ts";
import { refuseBeyond } from "../keys/authority.ts";
import { writeAs } from "../keys/write-as.ts";
import { newId, type Services } from "../services.ts";
import { refuseTemplate } from "./create-hook.ts";
import { findHook, hookPowers, type HookRow, openSecret, sealSecret, toHook } from "./repository.ts";

interface Input {
  key: KnownKey;
  id: string;
  change: ChangeSupabaseHook;
}

const dayMs = 24 * 3600_000;

/** Changes a hook, or gives it to the calling key. After a change of the secret the former one works for a day. */
export async function changeHook(services: Services, { key, id, change }: Input): Promise<SupabaseHook> {
  const { db } = services;
  await refuseTemplate(db, key.workspaceId, change.templateId);
  return changeUntilStored("hook", async () => {
    const row = await findHook(db, key.workspaceId, { id, at: services.now().getTime() });
    if (!row) throw new AppError("hook-not-found");
    // A hook that has ended can do nothing until a key adopts it: then it has that key's end.
    refuseBeyond(key, hookPowers(row.endedBecause === null ? row.ownerExpiresAt : key.expiresAt));
    const next = await decide(services, row, { key, change });
    return (await store(services, { key, row, next })) ? toHook(services, next) : undefined;
  });
}

async function decide(
  services: Services,
  row: HookRow,
  { key, change: { secret: given, adopt, ...rest } }: Pick<Input, "key" | "change">,
): Promise<HookRow> {
  const at = services.now().getTime();
  const { workspaceId, id } = row;
  const { name = row.name, companyName = row.companyName, locale = row.locale, templateId = row.templateId } = rest;
  const owner = adopt ? { createdBy: key.id, ownerExpiresAt: key.expiresAt, endedBecause: null } : {};
  const next = { ...row, ...owner, name, companyName, locale, templateId, updatedAt: at };
  if (given === undefined) return next;
  const secret = given.replace(/^v1,/, "");
  const present = await openSecret(services, { workspaceId, id, column: "secret" }, row.secret);
  if (secret === present) return next;
  return {
    ...next,
    secret: await sealSecret(services, { workspaceId, id, column: "secret" }, secret),
    previousSecret: await sealSecret(services, { workspaceId, id, column: "previous_secret" }, present),
    previousUntil: at + dayMs,
  };
}

/** Answers whether it was stored, or was changed meanwhile. */
async function store(
  services: Services,
  { key, row, next }: { key: KnownKey; row: HookRow; next: HookRow },
): Promise<boolean> {
  const { db } = services;
  const { workspaceId, id } = row;
  const at = next.updatedAt;
  const isRotated = next.secret !== row.secret;
  const detail = { ...difference<object>(shown(row), shown(next)), ...(isRotated ? { secret: "replaced" } : {}) };
  if (Object.keys(detail).length === 0) {
    next.updatedAt = row.updatedAt;
    return true;
  }
  const auditId = newId(services, "aud");
  try {
    const [changed] = await writeAs(services, key, [
      sql`UPDATE supabase_hook SET name = ${next.name}, company_name = ${next.companyName}, locale = ${next.locale},
          template_id = ${next.templateId}, secret = ${next.secret}, previous_secret = ${next.previousSecret},
          previous_until = ${next.previousUntil}, created_by = ${next.createdBy}, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND name = ${row.name} AND company_name IS ${row.companyName}
          AND locale IS ${row.locale} AND template_id IS ${row.templateId} AND secret = ${row.secret}
          AND created_by IS ${row.createdBy}`.compile(db.kysely),
      auditStatement(db, { id: auditId, workspaceId, actor: key.id, action: "hook.updated", target: id, detail, at }),
    ]);
    return changed.numAffectedRows === 1n;
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
    return true;
  }
}

/** A hook's properties as the audit log tells them. */
const shown = ({ name, companyName, locale, templateId, createdBy }: HookRow) => ({
  name,
  companyName,
  locale,
  templateId,
  createdBy,
});
