import { AppError, type CreateAccessRule, type CreatedAccessRule } from "@sandi/contracts";
import { sql } from "kysely";
import { expiryOf } from "../expiry.ts";
import type { Context } from "../context.ts";
import { createAudited } from "../audit/create-audited.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import { endPending } from "./end-pending.ts";
import { selectRules, toAccessRule, toDetail } from "./repository.ts";
import { subjectOf } from "./subject.ts";

interface Input {
  input: CreateAccessRule;
  idempotencyKey: IdempotencyKey | undefined;
}

/** So many rules may a workspace have. */
const ruleLimit = 1_000;

/** Adds a rule. A block rule also ends the pending verifications and queued texts that it matches, in the same batch. */
export async function createRule(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = ruleLimit,
): Promise<Accepted<CreatedAccessRule>> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const { effect, kind, note = null } = input;
  const at = services.now().getTime();
  const id = newId(services, "rul");
  const subject = await subjectOf(ctx, input);
  const { value, valueTo, label } = subject;
  const expiresAt = expiryOf(input.expiresAt ?? null, at);
  const isSame = sql`workspace_id = ${workspaceId} AND kind = ${kind} AND value = ${value} AND value_to = ${valueTo}`;
  const endings = endPending(db, { id, workspaceId, effect, kind, value, createdAt: at });
  return createAudited(ctx, {
    kind: "access_rule",
    detail: { ...toDetail({ effect, kind, label }), note, expiresAt: input.expiresAt ?? null },
    limit,
    table: "accessRule",
    id,
    at,
    idempotencyKey,
    find: (made) => selectRules(db, workspaceId).where("id", "=", made),
    statements: (mayInsert, audited) => [
      sql`DELETE FROM access_rule WHERE workspace_id = ${workspaceId} AND expires_at <= ${at}`.compile(db.kysely),
      sql`INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, note, expires_at, created_at)
        SELECT ${id}, ${workspaceId}, ${effect}, ${kind}, ${value}, ${valueTo}, ${label}, ${note}, ${expiresAt}, ${at}
        WHERE ${mayInsert} AND NOT EXISTS (SELECT 1 FROM access_rule WHERE ${isSame})`.compile(db.kysely),
      audited,
      sql<{ id: string }>`SELECT id FROM access_rule WHERE ${isSame}`.compile(db.kysely),
      // What a rule has ended stays so even when it is withdrawn: it cannot be taken up again.
      ...endings,
    ],
    refuse: (own) => {
      const same = own?.[3].rows[0];
      if (same) return new AppError("access-rule-exists", { detail: `It is ${same.id}; delete it first.` });
      const detail = `A workspace has at most ${limit} rules; delete one that is not needed.`;
      return new AppError("access-rule-limit-reached", { detail });
    },
    present: (row, own): CreatedAccessRule => {
      const rule = toAccessRule(row);
      if (!own) return { ...rule, endedVerifications: null, canceledMessages: null };
      // Only a block rule has `endings`; they are the last statements of the batch.
      const [messages, , verifications] = endings.length === 0 ? [] : own.slice(-endings.length);
      return {
        ...rule,
        endedVerifications: Number(verifications?.numAffectedRows ?? 0),
        canceledMessages: Number(messages?.numAffectedRows ?? 0),
      };
    },
    gone: "access-rule-not-found",
  });
}
