import type { ChangeSupabaseHook, SupabaseHook } from "@sandi/contracts";
import { difference } from "../audit/difference.ts";
import type { Context } from "../context.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { changeRow } from "../writes/change-row.ts";
import { rotateSecret } from "../outbound/secrets.ts";
import { refuseTemplate } from "./create-hook.ts";
import { findHook, hookPowers, type HookRow, openSecret, sealSecret, toHook } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeSupabaseHook;
}

/** Changes a hook, or gives it to the calling key. After a change of the secret the former one works for a day. */
export async function changeHook(ctx: Context, { id, change }: Input): Promise<SupabaseHook> {
  const { services, actor } = ctx;
  const { db } = services;
  await refuseTemplate(db, actor.workspaceId, change.templateId);
  const row = await changeRow<HookRow>(ctx, {
    table: "supabaseHook",
    name: "hook",
    find: (at) => findHook(db, actor.workspaceId, { id, at }),
    missing: "hook-not-found",
    columns: ["name", "companyName", "locale", "templateId", "secret", "previousSecret", "previousUntil", "createdBy"],
    decide(before, at) {
      // A stopped hook can do nothing until a key adopts it. Then it stops with that key.
      requirePowersWithin(actor, hookPowers(before.endedBecause === null ? before.ownerExpiresAt : actor.expiresAt));
      return changed(ctx, before, { change, at });
    },
    action: "hook.updated",
    detail: (before, after) => ({
      ...difference<object>(shown(before), shown(after)),
      ...(after.secret === before.secret ? {} : { secret: "replaced" }),
    }),
  });
  return toHook(services, row);
}

async function changed(
  { services, actor }: Context,
  row: HookRow,
  { change, at }: { change: ChangeSupabaseHook; at: number },
): Promise<HookRow> {
  const { workspaceId, id } = row;
  const { secret: given, adopt, name = row.name, companyName = row.companyName } = change;
  const { locale = row.locale, templateId = row.templateId } = change;
  const owner = adopt ? { createdBy: actor.by.id, ownerExpiresAt: actor.expiresAt, endedBecause: null } : {};
  const next = { ...row, ...owner, name, companyName, locale, templateId };
  if (given === undefined) return next;
  const secret = await openSecret(services, { workspaceId, id, column: "secret" }, row.secret);
  const rotated = rotateSecret({ secret }, given, { at });
  if (rotated.previousSecret === undefined) return next;
  return {
    ...next,
    secret: await sealSecret(services, { workspaceId, id, column: "secret" }, rotated.secret),
    previousSecret: await sealSecret(services, { workspaceId, id, column: "previous_secret" }, rotated.previousSecret),
    previousUntil: rotated.previousUntil ?? null,
  };
}

/** A hook's properties in the audit log. */
const shown = ({ name, companyName, locale, templateId, createdBy }: HookRow) => ({
  name,
  companyName,
  locale,
  templateId,
  createdBy,
});
