import type { ClaimRequest, ClaimResponse, ClaimResult } from "@sandi/contracts";
import { parseTraceparent } from "@sandi/tracing";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { MessageTable } from "../db/tables/messages.ts";
import { deferJobs } from "../jobs/append-job.ts";
import { sendJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { iso } from "../time.ts";
import type { Services } from "../services.ts";
import { countClaimed } from "./destination-sends.ts";

const claimMs = 30_000;

type Granted = Pick<MessageTable, "id" | "verificationId" | "template" | "expiresAt" | "attempt"> & {
  sealed: string | null;
};

/**
 * Gives messages to the owner of their session, each to one owner at a time. Canceled, expired and sent messages are not
 * given. The sealed code of an OTP comes from its verification, so a resend has the same code.
 */
export async function claimMessages(
  { db, now, tracer }: Services,
  { connectorId, claims }: ClaimRequest,
): Promise<ClaimResponse> {
  const at = now().getTime();
  const ids = [...new Set(claims.map(({ messageId }) => messageId))];
  const spans = claims.map(({ traceparent, messageId, sessionId }) => {
    const parent = parseTraceparent(traceparent);
    const attributes = { "sandi.message.id": messageId, "sandi.session.id": sessionId };
    return parent && tracer.start("claim", { parent, kind: "server", attributes });
  });
  const { before, granted } = await db.write({
    before: sql<Pick<MessageTable, "id" | "sessionId" | "status" | "claimUntil" | "expiresAt">>`
      SELECT id, session_id, status, claim_until, expires_at
      FROM message WHERE id IN (${sql.join(ids)}) AND status IN ('queued', 'sending')`,
    granted: claims.map((claim) => ({
      claim: claimStatement(db, { ...claim, connectorId, at }),
      counted: countClaimed(db, { messageId: claim.messageId, at }),
    })),
    // Cron publishes the job again only when the claim has ended.
    deferred: deferJobs(db, sendJobs, {
      ids: sql`SELECT id FROM message WHERE id IN (${sql.join(ids)}) AND status = 'sending' AND claim_until = ${at + claimMs}`,
      until: at + claimMs,
    }),
  });
  for (const span of spans) span?.end();
  const known = new Map(before.rows.map((row) => [row.id, row]));
  return {
    results: claims.map(({ messageId, sessionId }, i): ClaimResult => {
      const grant = granted[i]?.claim.rows[0];
      if (grant && grant.sealed !== null) {
        const { sealed, verificationId, template, expiresAt, attempt } = grant;
        const what = { sealed, verificationId, template };
        return { outcome: "claimed", messageId, ...what, expiresAt: iso(expiresAt), attempt };
      }
      const row = known.get(messageId);
      const heldUntil =
        row?.status === "sending" && row.sessionId === sessionId && row.expiresAt > at ? (row.claimUntil ?? 0) : 0;
      if (heldUntil > at) return { outcome: "busy", messageId, retryAfterMs: heldUntil - at };
      return { outcome: "done", messageId };
    }),
  };
}

interface Claim {
  messageId: string;
  sessionId: string;
  fence: number;
  connectorId: string;
  at: number;
}

function claimStatement(db: Db, { messageId, sessionId, fence, connectorId, at }: Claim) {
  return moveMessages<Granted>(db, "claim", {
    which: sql`id = ${messageId} AND session_id = ${sessionId} AND test = 0 AND expires_at > ${at} AND claim_fence <= ${fence}
      AND (status = 'queued' OR (status = 'sending'
        AND (claim_until < ${at} OR claimed_by = ${connectorId} OR claim_fence < ${fence})))
      AND (verification_id IS NULL OR EXISTS (SELECT 1 FROM verification v
        WHERE v.id = message.verification_id AND v.status = 'pending' AND v.expires_at > ${at}))`,
    at,
    set: sql`claimed_by = ${connectorId}, claim_until = ${at + claimMs}, claim_fence = ${fence}, attempt = attempt + 1`,
    returning: sql`id, verification_id, template, expires_at, attempt, CASE WHEN verification_id IS NULL THEN sealed
      ELSE (SELECT sealed_code FROM verification v WHERE v.id = message.verification_id) END AS sealed`,
  });
}
