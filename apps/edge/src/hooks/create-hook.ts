import { AppError, type CreatedSupabaseHook, type CreateSupabaseHook } from "@sandi/contracts";
import { generateWebhookSecret } from "@sandi/crypto";
import { sql } from "kysely";
import { type AuditEntry, auditStatement, isNotWithdrawn, withdrawn } from "../audit/statement.ts";
import { recover } from "../db/lost-writes.ts";
import type { Db, KnownKey, SupabaseHookTable } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  keepResponse,
  notAnswered,
  noteRepetition,
  notRepeated,
  type Repetition,
  replay,
  selectEarlier,
} from "../http/idempotency.ts";
import { noLonger, refuseBeyond, stillMay } from "../keys/authority.ts";
import { newId, type Services } from "../services.ts";
import { findTemplate } from "../templates/repository.ts";
import { findHook, hookScopes, sealSecret, selectHooks, toHook } from "./repository.ts";

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
  const since = at - idempotencyTtlMs;
  const id = newId(services, "hook");
  const secret = input.secret?.replace(/^v1,/, "") ?? generateWebhookSecret(random);
  const sealed = await sealSecret(services, { workspaceId, id, column: "secret" }, secret);
  const { name, companyName, locale, templateId } = input;
  const entry: AuditEntry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: key.id,
    action: "hook.created",
    target: id,
    detail: { name, companyName, locale, templateId },
    at,
  };
  const may = stillMay(key, { scopes: hookScopes, at });
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql<{ may: number }>`SELECT ${may} AS may`.compile(db.kysely),
    sql`INSERT INTO supabase_hook (id, workspace_id, name, company_name, locale, template_id, secret, created_at, updated_at)
      SELECT ${id}, ${workspaceId}, ${name}, ${companyName}, ${locale}, ${templateId}, ${sealed}, ${at}, ${at}
      WHERE ${notRepeated(workspaceId, repetition, since)} AND ${may} AND ${isNotWithdrawn(entry.id)}
        AND ${limit} > (SELECT count(*) FROM supabase_hook WHERE workspace_id = ${workspaceId})`.compile(db.kysely),
    auditStatement(db, entry),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM supabase_hook WHERE id = ${id}`, at }),
    selectHooks(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let isAllowed = true;
  let row: SupabaseHookTable | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    isAllowed = results[1].rows[0]?.may === 1;
    row = results.at(-1)?.rows[0] as SupabaseHookTable | undefined;
  } catch (error) {
    row = await recover(services, error, remedy(db, { entry, repetition }));
  }
  if (earlier) {
    const render = async (made: string) => {
      const known = await findHook(db, workspaceId, made);
      if (!known) throw new AppError("hook-not-found");
      return { ...toHook(services, known), secret: null };
    };
    return replay(services, workspaceId, { earlier, repetition, render });
  }
  if (!isAllowed) throw noLonger();
  if (!row) {
    const detail = `A workspace has at most ${limit} hooks; delete one that is not needed.`;
    throw new AppError("hook-limit-reached", { detail });
  }
  const hook = toHook(services, row);
  // What is kept for replays is without the secret.
  keepResponse(services, workspaceId, { repetition, response: { ...hook, secret: null } });
  return { resource: { ...hook, secret: input.secret === undefined ? `v1,${secret}` : null }, replayed: false };
}

/** A hook may name only a template that is there. */
export async function refuseTemplate(db: Db, workspaceId: string, templateId: string | null | undefined) {
  if (templateId === null || templateId === undefined || (await findTemplate(db, workspaceId, templateId))) return;
  const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
  throw new AppError("template-not-found", { errors });
}

/** The id of its audit entry is taken away, without which no hook is made, or what has landed is deleted again. */
function remedy(db: Db, { entry, repetition }: { entry: AuditEntry; repetition: Repetition | undefined }) {
  const { workspaceId, target: id, at } = entry;
  const taken = withdrawn({ ...entry, action: "hook.not_created" });
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${taken} DO NOTHING`.compile(db.kysely),
        selectHooks(db, workspaceId).where("id", "=", id),
      ]);
      return rows[0];
    },
    withdraw: () => {
      const isUnknown = notAnswered(workspaceId, repetition);
      return db.write([
        sql`${taken} DO UPDATE SET action = excluded.action WHERE ${isUnknown}`.compile(db.kysely),
        sql`DELETE FROM supabase_hook WHERE id = ${id} AND workspace_id = ${workspaceId} AND ${isUnknown}`.compile(
          db.kysely,
        ),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]);
    },
  };
}
