import { AppError, type CreatedSupabaseHook, type CreateSupabaseHook } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { newId } from "../services.ts";
import { findTemplate } from "../templates/repository.ts";
import { hookPowers, sealSecret, selectHooks, toHook } from "./repository.ts";
import { createAudited } from "../writes/create-audited.ts";

interface Input {
  input: CreateSupabaseHook;
  idempotencyKey: IdempotencyKey | undefined;
}

/** The limit of hooks in a workspace. */
const hookLimit = 20;

/** Creates an address for Supabase to call. Its secret is stored sealed, and the answer has it only if Sandi made it. */
export async function createHook(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = hookLimit,
): Promise<Accepted<CreatedSupabaseHook>> {
  const { services, actor } = ctx;
  const { db, random } = services;
  const { workspaceId } = actor;
  requirePowersWithin(actor, hookPowers(actor.expiresAt));
  await refuseTemplate(db, workspaceId, input.templateId);
  const at = services.now().getTime();
  const id = newId(services, "hook");
  const secret = input.secret?.replace(/^v1,/, "") ?? generateWebhookSecret(random);
  const sealed = await sealSecret(services, { workspaceId, id, column: "secret" }, secret);
  const { name, companyName, locale, templateId } = input;
  return createAudited(ctx, {
    kind: "hook",
    detail: { name, companyName, locale, templateId },
    limit,
    table: "supabaseHook",
    id,
    at,
    idempotencyKey,
    find: (made) => selectHooks(db, workspaceId, at).where("supabaseHook.id", "=", made),
    writes: (mayInsert) =>
      sql`INSERT INTO supabase_hook (id, workspace_id, name, company_name, locale, template_id, secret, created_by, created_at,
          updated_at)
        SELECT ${id}, ${workspaceId}, ${name}, ${companyName}, ${locale}, ${templateId}, ${sealed}, ${actor.by.id}, ${at},
          ${at}
        WHERE ${mayInsert}`,
    refuse: () =>
      new AppError("hook-limit-reached", {
        detail: `A workspace has at most ${limit} hooks. Delete a hook that you do not need.`,
      }),
    present: (row): CreatedSupabaseHook => ({
      ...toHook(services, row),
      secret: input.secret === undefined ? `v1,${secret}` : null,
    }),
    presentAgain: (row): CreatedSupabaseHook => ({ ...toHook(services, row), secret: null }),
    gone: "hook-not-found",
  });
}

/** Throws `template-not-found` if a hook names an unknown template. */
export async function refuseTemplate(db: Db, workspaceId: string, templateId: string | null | undefined) {
  if (templateId === null || templateId === undefined || (await findTemplate(db, workspaceId, templateId))) return;
  const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
  throw new AppError("template-not-found", { errors });
}
