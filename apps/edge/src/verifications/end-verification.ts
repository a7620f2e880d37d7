import { type ApproveVerification, AppError, type Verification } from "@sandi/contracts";
import { s256 } from "@sandi/crypto";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import { mayArrive, revokeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import type { Services } from "../services.ts";
import { approvedBy, type Approver, isBoundTo, isFromClient, isOpen } from "./approval.ts";
import { canonicalBind } from "./bind.ts";
import { otherClient, terminalErrors } from "./check-verification.ts";
import { cancelMessagesOf, moveVerifications, verificationLife } from "./life.ts";
import { toVerification, type VerificationRow } from "./present.ts";
import { selectVerification } from "./repository.ts";
import { statusOf } from "./status.ts";
import { tenantOf } from "../auth/tenant.ts";
import { commitAs } from "../writes/commit-as.ts";

interface Input {
  id: string;
}

/** Milliseconds that a connector may need to revoke a message. */
const revokeMs = ({ random }: Services) => 100 + 4 * (random(1)[0] ?? 0);

/** Cancels a pending verification and revokes its unread messages. A second cancel changes nothing. */
export async function cancelVerification(ctx: Context, id: string): Promise<Verification> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const isCanceledNow = sql`EXISTS (SELECT 1 FROM verification v WHERE v.id = ${id}
    AND v.workspace_id = ${workspaceId} AND v.status = 'canceled' AND v.updated_at = ${at})`;
  const { row, revocations } = await end(ctx, { id, to: "cancel", at }, [
    appendJob(db, revokeJobs, {
      which: sql`message.verification_id = ${id} AND message.test = 0 AND ${mayArrive} AND ${isCanceledNow}`,
      at,
    }),
    // Keys without `lookup:read` see such a message as sent, so it is also shown as revoked, after the same time.
    moveMessages(db, "revokeUnsent", {
      which: sql`verification_id = ${id} AND workspace_id = ${workspaceId} AND test = 0 AND failure = 'not_on_whatsapp'
        AND ${isCanceledNow}`,
      at: at + revokeMs(services),
      index: "message_verification",
    }),
  ]);
  if (row.updatedAt === at) publishSoon(services, revokeJobs, revocations);
  return toVerification(row, { now: at, scopes: actor.scopes });
}

/**
 * Approves without a code, for a user whom the caller recognized in another way. There is no proof. The caller must name
 * the `bind` and the `clientVerifier`, as in a check.
 */
export async function approveVerification(
  ctx: Context,
  { id, body }: Input & { body: ApproveVerification },
): Promise<Verification> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const bind = canonicalBind(body.bind);
  const challenge = body.clientVerifier === undefined ? null : await s256(body.clientVerifier);
  const audit = audited(ctx, {
    action: "verification.approved",
    target: id,
    detail: { reason: body.reason, ...(body.bind ? { bind: body.bind } : {}) },
    at,
    // Only if this request approved it.
    when: sql`changes() > 0`,
  });
  const by: Approver = "external";
  const approved = approvedBy(by, { at, when: sql`true` });
  const isNamed = sql<boolean>`${isBoundTo(bind)} AND ${isFromClient(challenge)}`;
  const refuse = (row: VerificationRow) => notNamed(row, { bind, challenge });
  const { row } = await end(ctx, { id, to: "approve", at, set: approved, only: isNamed, refuse }, [audit]);
  if (row.approvedBy !== by) throw new AppError("verification-approved");
  return toVerification(row, { now: at, scopes: actor.scopes });
}

/** The refusal if the caller did not name the verification's `bind` or `clientVerifier`. */
function notNamed(row: VerificationRow, named: { bind: string | null; challenge: string | null }) {
  if (row.bind !== named.bind) {
    const message =
      row.bind === null ? "must be left out: the verification has none" : "must be the `bind` of the verification";
    return new AppError("invalid-request", { errors: [{ pointer: "/bind", message }] });
  }
  return row.clientBinding === null || row.clientBinding === named.challenge
    ? undefined
    : new AppError("client-binding-mismatch", { detail: otherClient });
}

interface End extends Input {
  to: "cancel" | "approve";
  at: number;
  /** More columns for the SET. */
  set?: RawBuilder<unknown>;
  /** True in SQL if the caller may end it. */
  only?: RawBuilder<boolean>;
  /** The error if the caller may not. */
  refuse?: (row: VerificationRow) => AppError | undefined;
}

/** Ends the verification, or finds that it already has this end. Throws if it has another end. Also returns its revocations. */
async function end(ctx: Context, { id, to, at, set, only = sql`true`, refuse }: End, also: readonly CompiledQuery[]) {
  const { services, actor } = ctx;
  const { db } = services;
  const tenant = tenantOf(actor);
  const { scopes } = actor;
  const {
    found: [row],
    revocations,
  } = await commitAs(ctx, {
    writes: {
      ended: moveVerifications(db, to, {
        which: sql`${isOpen({ id, tenant, scopes, at })} AND ${only}`,
        at,
        ...(set ? { set } : {}),
      }),
      also,
      canceled: cancelMessagesOf(db, sql`${id}`, at),
    },
    reads: {
      found: selectVerification(db, tenant, id),
      revocations: selectJobs(db, revokeJobs, sql`SELECT id FROM message WHERE verification_id = ${id}`),
    },
  });
  if (!row) throw new AppError("verification-not-found");
  const status = statusOf(row, { now: at, scopes });
  const wanted = verificationLife[to].to;
  if (status !== wanted && status !== "pending") throw new AppError(terminalErrors[status]);
  const refusal = refuse?.(row);
  if (refusal) throw refusal;
  if (status !== wanted) throw new AppError("internal-error");
  return { row, revocations };
}
