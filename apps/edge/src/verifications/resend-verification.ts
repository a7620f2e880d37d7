import { AppError, type Verification } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { mayBeBlocked } from "../access-rules/match.ts";
import { commitAs } from "../writes/commit-as.ts";
import { codeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { newId } from "../services.ts";
import { hasRoom, limitRefusal, selectLimits, sendRefusal } from "./admission.ts";
import { terminalErrors } from "./check-verification.ts";
import { isGuarded } from "./guard.ts";
import { isOpen } from "./approval.ts";
import { moveVerifications } from "./life.ts";
import { presentVerification } from "./present.ts";
import { findVerification, selectVerification } from "./repository.ts";
import { statusOf } from "./status.ts";
import { senderOf } from "../messages/sender.ts";
import { pickSender } from "../sessions/pick.ts";
import { sendStatements } from "./send.ts";
import { tenantOf } from "../auth/tenant.ts";

/** Sends the code of a pending verification again, to whoever it was made for. */
export async function resendVerification(ctx: Context, id: string): Promise<Verification> {
  const { services, actor } = ctx;
  const { db } = services;
  const { policy, workspaceId } = actor;
  const tenant = tenantOf(actor);
  const at = services.now().getTime();
  const known = await findVerification(db, tenant, id, at);
  if (!known) throw new AppError("verification-not-found");
  const { toHash, globalHash, prefix } = known;
  const place = { workspaceId, toHash, globalHash, policy, perDay: services.destinationPerDay, at };
  const messageId = newId(services, "msg");
  const lastWait = policy.cooldownSeconds.at(-1) ?? 30;
  // A verification keeps seven digits: what a longer block may be for is not sent again.
  const isBlocked = mayBeBlocked(workspaceId, { prefix, country: known.country, at });
  const from = senderOf(tenant);
  const isFree = !from.isLimited
    ? sql`1`
    : sql`${hasRoom(place)} AND NOT ${isGuarded(policy.prefixGuard, { workspaceId, prefix, at })}
    AND NOT ${isBlocked}`;
  const sender = pickSender({
    workspaceId,
    among: sql<boolean>`(session.pool_id = verification.pool_id OR session.id = verification.session_id)
      AND (verification.pool_id IS NOT NULL OR session.id = verification.session_id)`,
    toHash,
    at,
  });
  const {
    found: [row],
  } = await commitAs(ctx, {
    writes: [
      moveVerifications(db, "resend", {
        which: sql`${isOpen({ id, tenant, scopes: actor.scopes, at })} AND sends_left > 0 AND next_send_at <= ${at}
        AND (mode = 'push' OR received_at IS NOT NULL) AND ${isFree}`,
        at,
        set: sql`sends_left = sends_left - 1, message_id = ${messageId},
        session_id = CASE WHEN mode = 'push' THEN coalesce((SELECT id FROM ${sender} WHERE may_write), session_id)
          ELSE session_id END,
        next_send_at = ${at} + 1000 * coalesce(json_extract(${JSON.stringify(policy.cooldownSeconds)},
          '$[' || CAST(${policy.maxSends} - sends_left AS INTEGER) || ']'), ${lastWait})`,
      }),
      ...sendStatements(db, {
        tenant,
        messageId,
        which: sql`v.id = ${id} AND v.workspace_id = ${workspaceId}`,
        at,
        trace: ctx.trace,
      }),
    ],
    reads: { found: selectVerification(db, tenant, id) },
    undo: {
      writes: moveMessages(db, "cancel", { which: sql`id = ${messageId} AND workspace_id = ${workspaceId}`, at }),
    },
  });
  if (!row) throw new AppError("verification-not-found");
  if (row.messageId !== messageId) throw await refusal();
  const { expiresAt } = row;
  const sessionId = row.messageSessionId ?? row.sessionId;
  from.publish(services, codeJobs, [
    { id: messageId, sessionId, expiresAt, publishCount: 1, pacing: null, trace: ctx.trace },
  ]);
  return presentVerification(services, row, { now: at, scopes: actor.scopes });

  async function refusal(): Promise<AppError> {
    const now = row ?? known!;
    const status = statusOf(now, { now: at, scopes: actor.scopes });
    if (status !== "pending") return new AppError(terminalErrors[status]);
    if (now.mode === "inbound" && now.receivedAt === null) {
      return new AppError("resend-cooldown", {
        detail: "The user's own message is waited for; there is nothing to send.",
        retryAfter: Math.ceil((now.expiresAt - at) / 1000),
      });
    }
    const { limits, blocked } = await db.read({
      limits: selectLimits(db, place),
      blocked: sql<{ isBlocked: 0 | 1 }>`SELECT ${isBlocked} AS is_blocked`,
    });
    if (from.isLimited && blocked.rows[0]?.isBlocked === 1) return new AppError("destination-blocked");
    return (
      limitRefusal(place, limits.rows[0], "lock") ??
      sendRefusal(now, at) ??
      limitRefusal(place, limits.rows[0], "sends") ??
      new AppError("prefix-blocked", { retryAfter: 60 })
    );
  }
}
