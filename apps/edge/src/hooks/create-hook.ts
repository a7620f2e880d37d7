import { AppError, type CreatedSupabaseHook, type CreateSupabaseHook } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import { sql } from "kysely";
import { createAudited } from "../audit/create-audited.ts";
import type { Db, KnownKey } from "../db/schema.ts";
import type { Accepted, Repetition } from "../http/idempotency.ts";
import { noLonger, refuseBeyond, stillMay } from "../keys/authority.ts";
import { newId, type Services } from "../services.ts";
import { findTemplate } from "../templates/repository.ts";
import { hookScopes, sealSecret, selectHooks, toHook } from "./repository.ts";

interface Input {
  key: KnownKey;
  input: CreateSupabaseHook;
  repetition: Repetition | undefined;
}

/** So many hooks may a workspace have. */
const hookLimit = 20;

/** Makes an address for Supabase to call; its secret is sealed, and answered only if it was made here. */
export async function createHook(
  services: Services,
  { key, input, repetition }: Input,
  limit = hookLimit,
): Promise<Accepted<CreatedSupabaseHook>> {
  const { db, random } = services;
  const { workspaceId } = key;
  refuseBeyond(key, { scopes: hookScopes, environment: "live" });
  await refuseTemplate(db, workspaceId, input.templateId);
  const at = services.now().getTime();
  const id = newId(services, "hook");
  const secret = input.secret?.replace(/^v1,/, "") ?? generateWebhookSecret(random);
  const sealed = await sealSecret(services, { workspaceId, id, column: "secret" }, secret);
  const { name, companyName, locale, templateId } = input;
  const may = stillMay(key, { scopes: hookScopes, at });
  return createAudited(services, key, {
    kind: "hook",
    detail: { name, companyName, locale, templateId },
    limit,
    table: "supabaseHook",
    id,
    at,
    repetition,
    find: (made) => selectHooks(db, workspaceId).where("id", "=", made),
    statements: (mayInsert, audited) => [
      sql<{ may: number }>`SELECT ${may} AS may`.compile(db.kysely),
      sql`INSERT INTO supabase_hook (id, workspace_id, name, company_name, locale, template_id, secret, created_at, updated_at)
        SELECT ${id}, ${workspaceId}, ${name}, ${companyName}, ${locale}, ${templateId}, ${sealed}, ${at}, ${at}
        WHERE ${mayInsert} AND ${may}`.compile(db.kysely),
      audited,
    ],
    refuse: (own) => {
      if (own?.[0].rows[0]?.may !== 1) return noLonger();
      const detail = `A workspace has at most ${limit} hooks; delete one that is not needed.`;
      return new AppError("hook-limit-reached", { detail });
    },
    present: (row): CreatedSupabaseHook => ({
      ...toHook(services, row),
      secret: input.secret === undefined ? `v1,${secret}` : null,
    }),
    presentAgain: (row): CreatedSupabaseHook => ({ ...toHook(services, row), secret: null }),
    gone: "hook-not-found",
  });
}

/** A hook may name only a template that is there. */
export async function refuseTemplate(db: Db, workspaceId: string, templateId: string | null | undefined) {
  if (templateId === null || templateId === undefined || (await findTemplate(db, workspaceId, templateId))) return;
  const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
  throw new AppError("template-not-found", { errors });
}
