import { AppError, claimsBeforeRetry, type Message } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import { type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { traceparentOf } from "../jobs/publish-soon.ts";
import { newId } from "../services.ts";
import { pickSender } from "../sessions/pick.ts";
import { commitAs } from "../writes/commit-as.ts";
import { decide, pickedOf, refuseWhen, takeVerdict } from "./admission.ts";
import { textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { toMessage } from "./present.ts";
import { countForRecipients } from "./recipient-limits.ts";
import { refusalOf, rulesOf } from "./refusal.ts";
import { readMessages, selectMessage } from "./repository.ts";
import { senderOf } from "./sender-of.ts";

interface Known {
  toHash: string;
  country: string;
  prefix: string;
  poolId: string | null;
  sessionId: string;
}

/** True in SQL for a `message` that failed for a reason that may pass, before anything can have been sent. */
const isRetryable = (at: number) =>
  sql<boolean>`(message.status = 'failed' AND message.sealed IS NOT NULL AND message.updated_at > ${at - contentKeptMs}
    AND message.attempt <= CASE message.failure ${sql.join(
      Object.entries(claimsBeforeRetry).flatMap(([reason, most]) =>
        most === null ? [] : [sql`WHEN ${reason} THEN ${most}`],
      ),
      sql` `,
    )} ELSE -1 END)`;

/** The sealed content of a failed message is kept for so long. */
export const contentKeptMs = 72 * 3_600_000;

/**
 * Queues a failed message again under its id, with a new lifetime and under the rules of a new message. It keeps its id at
 * WhatsApp, so the recipient sees it once.
 */
export async function retryMessage(ctx: Context, id: string): Promise<Message> {
  const { services, actor, trace } = ctx;
  const { db } = services;
  const { policy, workspaceId, scopes } = actor;
  const tenant = tenantOf(actor);
  const sender = senderOf(tenant);
  const at = services.now().getTime();
  const [known] = await readMessages(db, tenant, { select: selectKnown(ctx, tenant, id), at });
  if (!known) throw new AppError("message-not-found");
  const { toHash, country, prefix, sessionId, poolId } = known;
  const decision = newId(services, "msg");
  const subject = { workspaceId, toHash, formerHashes: [], digits: prefix, country, ip: undefined, at };
  // A message keeps seven digits of its number, and none of an address without a known number.
  const asked = {
    tenant,
    policy,
    toHash,
    subject,
    hasShortNumber: prefix !== "",
    at,
    route: poolId === null ? { sessionId } : { poolId },
  };
  const isThis = sql<boolean>`message.id = ${id} AND message.workspace_id = ${workspaceId} AND message.test = ${tenant.test}`;
  const isAdmitted = sql<boolean>`EXISTS (SELECT 1 FROM admission a WHERE a.id = ${decision} AND a.verdict IS NULL)`;
  const isQueued = sql<boolean>`${isThis} AND message.queued_at = ${at} AND ${isAdmitted}`;
  const {
    found: [row],
    written,
  } = await commitAs(ctx, {
    writes: {
      decision: decide(db, {
        id: decision,
        picked: pickedOf(senderFor(known, tenant, at)),
        rules: [
          refuseWhen(sql`NOT EXISTS (SELECT 1 FROM message WHERE ${isThis} AND ${isRetryable(at)})`, "not-retryable"),
          ...rulesOf(asked),
        ],
      }),
      // A fence belongs to one session.
      retried: moveMessages(db, "retry", {
        which: sql`${isThis} AND ${isAdmitted}`,
        at,
        set: sql`session_id = (SELECT a.session_id FROM admission a WHERE a.id = ${decision}),
          claim_fence = iif(session_id = (SELECT a.session_id FROM admission a WHERE a.id = ${decision}), claim_fence, 0),
          claimed_by = NULL, claim_until = NULL, attempt = 0, tried = '{}', failure = NULL, queued_at = ${at},
          expires_at = ${at} + coalesce(lifetime_ms, 86400000)`,
      }),
      queued: sender.queue(db, workspaceId, textJobs, { which: isQueued, at, traceparent: traceparentOf(trace) }),
      counted: sender.isLimited ? [countForRecipients(db, { which: isQueued, at })] : [],
      verdict: takeVerdict(db, decision),
    },
    reads: { found: selectMessage(db, tenant, id) },
  });
  if (!row) throw new AppError("message-not-found");
  const message = toMessage(row, { now: at, scopes });
  const verdict = written?.verdict.rows[0]?.verdict;
  // Without the database's answer the row shows whether it was queued.
  if (verdict === null || (verdict === undefined && row.queuedAt === at)) {
    sender.publish(services, textJobs, [{ ...row, publishCount: 1, trace }]);
    return message;
  }
  if (verdict === '["not-retryable"]') {
    const reason = message.failure === null ? "" : ` with the reason ${message.failure.reason}`;
    throw new AppError("message-not-retryable", { detail: `The message is ${message.status}${reason}.` });
  }
  throw await refusalOf(services, verdict, asked);
}

const selectKnown = ({ services: { db } }: Context, { workspaceId, test }: Tenant, id: string) =>
  sql<Known>`SELECT to_hash, country, prefix, pool_id, session_id FROM message
    WHERE id = ${id} AND workspace_id = ${workspaceId} AND test = ${test} AND verification_id IS NULL`.compile(
    db.kysely,
  );

/** The session that sends it now: the best one of its pool, or the one that the request named. */
function senderFor(
  { poolId, sessionId, toHash }: Known,
  { workspaceId, test }: Tenant,
  at: number,
): RawBuilder<unknown> {
  if (test === 1) return sql`(SELECT ${sessionId} AS id, 1 AS may_write)`;
  const among = poolId === null ? sql<boolean>`session.id = ${sessionId}` : sql<boolean>`session.pool_id = ${poolId}`;
  return pickSender({ workspaceId, among, toHash, at });
}
