import { AppError, type CreateAccessRule, type CreatedAccessRule } from "@sandi/contracts";
import { sql } from "kysely";
import { auditStatement, type AuditEntry, isNotWithdrawn, withdrawn } from "../audit/statement.ts";
import { recover } from "../db/lost-writes.ts";
import type { AccessRuleTable, Db, KnownKey } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  keepResponse,
  noteRepetition,
  notAnswered,
  notRepeated,
  type Repetition,
  replay,
  selectEarlier,
} from "../http/idempotency.ts";
import { expiryOf } from "../keys/authority.ts";
import { newId, type Services } from "../services.ts";
import { endPending } from "./end-pending.ts";
import { selectRules, toAccessRule, toDetail } from "./repository.ts";
import { subjectOf } from "./subject.ts";

interface Input {
  key: KnownKey;
  input: CreateAccessRule;
  repetition: Repetition | undefined;
}

/** So many rules may a workspace have. */
const ruleLimit = 1_000;

/** Adds a rule. One that blocks ends the pending verifications that it is for, in the same batch. */
export async function createRule(
  services: Services,
  { key, input, repetition }: Input,
  limit = ruleLimit,
): Promise<Accepted<CreatedAccessRule>> {
  const { db } = services;
  const { workspaceId } = key;
  const { effect, kind, note = null } = input;
  const at = services.now().getTime();
  const since = at - idempotencyTtlMs;
  const id = newId(services, "rul");
  const subject = await subjectOf(services, key, input);
  const { value, valueTo, label } = subject;
  const expiresAt = expiryOf(input.expiresAt ?? null, at);
  const entry: AuditEntry = {
    id: newId(services, "aud"),
    workspaceId,
    actor: key.id,
    action: "access_rule.created",
    target: id,
    detail: { ...toDetail({ effect, kind, label }), note, expiresAt: input.expiresAt ?? null },
    at,
  };
  const isSame = sql`workspace_id = ${workspaceId} AND kind = ${kind} AND value = ${value} AND value_to = ${valueTo}`;
  const endings = endPending(db, { id, workspaceId, effect, kind, value, createdAt: at });
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql`DELETE FROM access_rule WHERE workspace_id = ${workspaceId} AND expires_at <= ${at}`.compile(db.kysely),
    sql`INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, note, expires_at, created_at)
      SELECT ${id}, ${workspaceId}, ${effect}, ${kind}, ${value}, ${valueTo}, ${label}, ${note}, ${expiresAt}, ${at}
      WHERE ${notRepeated(workspaceId, repetition, since)} AND NOT EXISTS (SELECT 1 FROM access_rule WHERE ${isSame})
        AND ${limit} > (SELECT count(*) FROM access_rule WHERE workspace_id = ${workspaceId})
        AND ${isNotWithdrawn(entry.id)}`.compile(db.kysely),
    auditStatement(db, entry),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM access_rule WHERE id = ${id}`, at }),
    sql<{ id: string }>`SELECT id FROM access_rule WHERE ${isSame}`.compile(db.kysely),
    selectRules(db, workspaceId).where("id", "=", id),
    ...endings,
  ] as const;

  let earlier: Earlier | undefined;
  let same: string | undefined;
  let row: AccessRuleTable | undefined;
  let ended: number | null = null;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    const shown = results.length - endings.length - 1;
    same = (results[shown - 1]?.rows[0] as { id: string } | undefined)?.id;
    row = results[shown]?.rows[0] as AccessRuleTable | undefined;
    ended = endings.length === 0 ? 0 : Number(results.at(-1)?.numAffectedRows ?? 0);
  } catch (error) {
    row = await recover(services, error, remedy(db, { entry, repetition }));
  }
  if (earlier) {
    const render = async (made: string): Promise<CreatedAccessRule> => {
      const found = await selectRules(db, workspaceId).where("id", "=", made).executeTakeFirst();
      if (!found) throw new AppError("access-rule-not-found");
      return { ...toAccessRule(found), endedVerifications: null };
    };
    return replay(services, workspaceId, { earlier, repetition, render });
  }
  if (!row && same !== undefined)
    throw new AppError("access-rule-exists", { detail: `It is ${same}; delete it first.` });
  if (!row) {
    const detail = `A workspace has at most ${limit} rules; delete one that is not needed.`;
    throw new AppError("access-rule-limit-reached", { detail });
  }
  const resource = { ...toAccessRule(row), endedVerifications: ended };
  keepResponse(services, workspaceId, { repetition, response: resource });
  return { resource, replayed: false };
}

/** As for keys. What a rule has ended stays so even when it is withdrawn: it cannot be taken up again. */
function remedy(db: Db, { entry, repetition }: { entry: AuditEntry; repetition: Repetition | undefined }) {
  const { workspaceId, target, at } = entry;
  const taken = withdrawn({ ...entry, action: "access_rule.not_created" });
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${taken} DO NOTHING`.compile(db.kysely),
        selectRules(db, workspaceId).where("id", "=", target),
      ]);
      return rows[0];
    },
    withdraw: () => {
      const isUnknown = notAnswered(workspaceId, repetition);
      return db.write([
        sql`${taken} DO UPDATE SET action = excluded.action WHERE ${isUnknown}`.compile(db.kysely),
        sql`DELETE FROM access_rule WHERE id = ${target} AND workspace_id = ${workspaceId} AND ${isUnknown}`.compile(
          db.kysely,
        ),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]);
    },
  };
}
