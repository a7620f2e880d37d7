import { AppError, type CreateAccessRule, type CreatedAccessRule } from "@sandi/contracts";
import { type QueryResult, sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { expiryOf } from "../expiry.ts";
import { newId } from "../services.ts";
import { endPending } from "./end-pending.ts";
import { selectStoredRules, toAccessRule, toDetail } from "./repository.ts";
import { subjectOf } from "./subject.ts";
import { createAudited } from "../writes/create-audited.ts";

interface Input {
  input: CreateAccessRule;
  idempotencyKey: IdempotencyKey | undefined;
}

/** The limit of rules in a workspace. */
const ruleLimit = 1_000;

const changesOf = (result: QueryResult<unknown> | undefined) => Number(result?.numAffectedRows ?? 0);

/** Creates a rule. In the same batch, a block rule ends the pending verifications and queued messages that it matches. */
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
  return createAudited(ctx, {
    kind: "access_rule",
    detail: { ...toDetail({ effect, kind, label }), note, expiresAt: input.expiresAt ?? null },
    limit,
    table: "accessRule",
    id,
    at,
    idempotencyKey,
    find: (made) => selectStoredRules(db, workspaceId).where("id", "=", made),
    writes: (mayInsert) => ({
      lapsed: sql`DELETE FROM access_rule WHERE workspace_id = ${workspaceId} AND expires_at <= ${at}`,
      inserted: sql`INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, note, expires_at, created_at)
        SELECT ${id}, ${workspaceId}, ${effect}, ${kind}, ${value}, ${valueTo}, ${label}, ${note}, ${expiresAt}, ${at}
        WHERE ${mayInsert} AND NOT EXISTS (SELECT 1 FROM access_rule WHERE ${isSame})`,
      // An undo of the rule does not restore these: their secrets are deleted.
      ended: endPending(db, { id, workspaceId, effect, kind, value, createdAt: at }),
    }),
    facts: { same: sql<{ id: string }>`SELECT id FROM access_rule WHERE ${isSame}` },
    refuse: ({ same: [same] }) => {
      if (same) return new AppError("access-rule-exists", { detail: `The rule is ${same.id}. Delete it first.` });
      const detail = `A workspace has at most ${limit} rules. Delete a rule that you do not need.`;
      return new AppError("access-rule-limit-reached", { detail });
    },
    present: (row, written): CreatedAccessRule => {
      const rule = toAccessRule(row);
      if (!written) return { ...rule, endedVerifications: null, canceledMessages: null };
      const { verifications, queued, scheduled } = written.ended;
      const canceledMessages = changesOf(queued) + changesOf(scheduled);
      return { ...rule, endedVerifications: changesOf(verifications), canceledMessages };
    },
    gone: "access-rule-not-found",
  });
}
