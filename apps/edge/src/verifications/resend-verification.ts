import { AppError, type Verification } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { mayBeBlocked } from "../access-rules/match.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { decide, refuseWhen, type Rule, takeVerdict } from "../messages/admission.ts";
import { codeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { senderOf } from "../messages/sender-of.ts";
import { newId } from "../services.ts";
import { pickSender } from "../sessions/pick.ts";
import { commitAs } from "../writes/commit-as.ts";
import { isOpen } from "./approval.ts";
import { terminalErrors } from "./check-verification.ts";
import { guardRule } from "./guard.ts";
import { presentVerification, type VerificationRow } from "./present.ts";
import { refusalOf } from "./refusal.ts";
import { renewVerification } from "./renew.ts";
import { findVerification, selectVerification } from "./repository.ts";
import { hasCodeToSend, lockRule, sendsRule, turnRule } from "./rules.ts";
import { sendStatements } from "./send.ts";
import { statusOf } from "./status.ts";
import { readVerdict } from "./verdict.ts";

/** Sends the code of a pending verification again, under the same rules as a create for its number. */
export async function resendVerification(ctx: Context, id: string): Promise<Verification> {
  const { services, actor, trace } = ctx;
  const { db, destinationPerDay: perDay } = services;
  const { policy, workspaceId, scopes } = actor;
  const tenant = tenantOf(actor);
  const sender = senderOf(tenant);
  const at = services.now().getTime();
  const known = await findVerification(db, tenant, id, at);
  if (!known) throw new AppError("verification-not-found");
  const messageId = newId(services, "msg");
  const { found, written } = await commitAs(ctx, {
    writes: {
      decision: decide(db, {
        id: messageId,
        picked: pickedFor(known, { workspaceId, at }),
        rules: rulesFor(ctx, known, at),
      }),
      renewed: renewVerification(db, { messageId, policy, at }),
      sends: sendStatements(db, {
        tenant,
        messageId,
        which: sql`v.id = ${id} AND v.workspace_id = ${workspaceId}`,
        at,
        trace,
      }),
      verdict: takeVerdict(db, messageId),
    },
    reads: { found: selectVerification(db, tenant, id) },
    undo: () => ({
      writes: moveMessages(db, "cancel", { which: sql`id = ${messageId} AND workspace_id = ${workspaceId}`, at }),
    }),
  });
  const [row] = found;
  if (!row) throw new AppError("verification-not-found");
  if (row.messageId === messageId) {
    const { expiresAt } = row;
    const sessionId = row.messageSessionId ?? row.sessionId;
    sender.publish(services, codeJobs, [{ id: messageId, sessionId, expiresAt, publishCount: 1, pacing: null, trace }]);
    return presentVerification(services, row, { now: at, scopes });
  }
  const text = written?.verdict.rows[0]?.verdict;
  // The database's answer was lost, and the verdict with it. Nothing was stored.
  if (typeof text !== "string") throw new AppError("database-unavailable", { retryAfter: 1 });
  const verdict = readVerdict(text);
  const status = statusOf(row, { now: at, scopes });
  if (verdict[0] === "ended" && status !== "pending") throw new AppError(terminalErrors[status]);
  throw refusalOf(verdict, { sender, policy, perDay, country: row.country, at });
}

/** Its mode, and the sender: for a push the best of its pool now, else the session that the user wrote to. */
function pickedFor(
  { id, toHash }: VerificationRow,
  { workspaceId, at }: { workspaceId: string; at: number },
): RawBuilder<unknown> {
  const sender = pickSender({
    workspaceId,
    among: sql<boolean>`(session.pool_id = verification.pool_id OR session.id = verification.session_id)
      AND (verification.pool_id IS NOT NULL OR session.id = verification.session_id)`,
    toHash,
    at,
  });
  return sql`(SELECT CASE mode WHEN 'push' THEN (SELECT id FROM ${sender} WHERE may_write) ELSE session_id END AS id, mode,
    id AS pending_id, 'resend' AS pending_step FROM verification WHERE id = ${id} AND workspace_id = ${workspaceId})`;
}

function rulesFor({ services, actor }: Context, known: VerificationRow, at: number): Rule[] {
  const { policy, workspaceId, scopes } = actor;
  const { id, toHash, globalHash, prefix, country } = known;
  const tenant = tenantOf(actor);
  const { isLimited } = senderOf(tenant);
  const place = { workspaceId, toHash, globalHash, policy, perDay: services.destinationPerDay, at };
  return [
    refuseWhen(sql`NOT EXISTS (SELECT 1 FROM verification WHERE ${isOpen({ id, tenant, scopes, at })})`, "ended"),
    sql`(SELECT json_array('waiting', expires_at) FROM verification WHERE id = ${id} AND NOT ${hasCodeToSend})`,
    ...(isLimited
      ? [
          // A verification keeps seven digits of its number. A rule for a longer prefix may be about it.
          refuseWhen(mayBeBlocked(workspaceId, { prefix, country, at }), "blocked"),
          ...guardRule(policy.prefixGuard, { workspaceId, prefix, at }),
          lockRule(place),
        ]
      : []),
    turnRule(at),
    ...(isLimited ? [sendsRule(place)] : []),
  ];
}
