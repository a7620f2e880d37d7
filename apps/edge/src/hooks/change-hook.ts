import { AppError, type ChangeSupabaseHook, type SupabaseHook } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import { refuseBeyond } from "../auth/powers.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { refuseTemplate } from "./create-hook.ts";
import { findHook, hookPowers, type HookRow, openSecret, sealSecret, toHook } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeSupabaseHook;
}

const dayMs = 24 * 3600_000;

/** Changes a hook, or gives it to the calling key. After a change of the secret the former one works for a day. */
export async function changeHook(ctx: Context, { id, change }: Input): Promise<SupabaseHook> {
  const { services, actor } = ctx;
  const { db } = services;
  await refuseTemplate(db, actor.workspaceId, change.templateId);
  return changeUntilStored("hook", async () => {
    const row = await findHook(db, actor.workspaceId, { id, at: services.now().getTime() });
    if (!row) throw new AppError("hook-not-found");
    // A hook that has ended can do nothing until a key adopts it: then it has that key's end.
    refuseBeyond(actor, hookPowers(row.endedBecause === null ? row.ownerExpiresAt : actor.expiresAt));
    const next = await decide(ctx, row, change);
    return (await store(ctx, { row, next })) ? toHook(services, next) : undefined;
  });
}

async function decide(
  ctx: Context,
  row: HookRow,
  { secret: given, adopt, ...rest }: ChangeSupabaseHook,
): Promise<HookRow> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const { workspaceId, id } = row;
  const { name = row.name, companyName = row.companyName, locale = row.locale, templateId = row.templateId } = rest;
  const owner = adopt ? { createdBy: actor.by.id, ownerExpiresAt: actor.expiresAt, endedBecause: null } : {};
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
async function store(ctx: Context, { row, next }: { row: HookRow; next: HookRow }): Promise<boolean> {
  const { services, actor } = ctx;
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
    const [changed] = await writeAs(ctx, [
      sql`UPDATE supabase_hook SET name = ${next.name}, company_name = ${next.companyName}, locale = ${next.locale},
          template_id = ${next.templateId}, secret = ${next.secret}, previous_secret = ${next.previousSecret},
          previous_until = ${next.previousUntil}, created_by = ${next.createdBy}, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND name = ${row.name} AND company_name IS ${row.companyName}
          AND locale IS ${row.locale} AND template_id IS ${row.templateId} AND secret = ${row.secret}
          AND created_by IS ${row.createdBy}`.compile(db.kysely),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: "hook.updated",
        target: id,
        detail,
        at,
      }),
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
