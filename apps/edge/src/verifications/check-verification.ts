import {
  AppError,
  type ApprovedVerification,
  type CheckByNumber,
  type CheckVerification,
  type ErrorCode,
  type VerificationStatus,
} from "@sandi/contracts";
import { codeMac, phoneHash, s256 } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { readPhone } from "../phone.ts";
import { approvedBy, isFromClient, isOpen, isUnlocked } from "./approval.ts";
import { canonicalBind } from "./bind.ts";
import { cancelMessagesOf, moveVerifications } from "./life.ts";
import { shortCode } from "./plan.ts";
import { toVerification, type VerificationRow } from "./present.ts";
import { destinationLocked } from "./refusal.ts";
import { selectVerification } from "./repository.ts";
import { statusOf } from "./status.ts";
import { commit } from "../writes/commit.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const otherClient = "`clientVerifier` does not match the `challenge` of the verification.";

interface Input {
  id: string;
  body: CheckVerification;
  /** The number, if the caller named it: the proof then includes it. */
  e164?: string;
}

/**
 * Prepares the check of a code: nothing changes until the returned function is called. One statement counts, compares and
 * consumes the code. The function returns only for the right code.
 */
export async function prepareCheck(ctx: Context, input: Input): Promise<() => Promise<ApprovedVerification>> {
  // The request's id is stored with the check, to find the check again if the database's answer is lost.
  const { services, actor, requestId: checkId } = ctx;
  const { db, peppers } = services;
  const { id, body } = input;
  const tenant = tenantOf(actor);
  const now = services.now().getTime();
  const [macs, challenge] = await Promise.all([
    codeMac(peppers, { verificationId: id, code: body.code, bind: canonicalBind(body.bind) ?? "" }),
    body.clientVerifier === undefined ? null : s256(body.clientVerifier),
  ]);
  const isRight = sql<boolean>`code_mac IN (${sql.join(macs)})`;
  const outcomes = [
    { name: "approve", when: isRight },
    { name: "exhaust", when: sql<boolean>`attempts_left = 1` },
    { name: "miss" },
  ] as const;

  const batch = {
    writes: {
      decided: moveVerifications<{ status: VerificationStatus }>(db, outcomes, {
        which: sql`${isOpen({ id, tenant, scopes: actor.scopes, at: now })} AND attempts_left > 0
        AND ${isFromClient(challenge)} AND ${isUnlocked(now)}`,
        at: now,
        set: sql`attempts_left = attempts_left - 1, ${approvedBy("code", { at: now, when: isRight })}, last_check = ${checkId}`,
        returning: sql`status`,
      }),
      failures: countFailure(ctx, { id, now }),
      canceled: cancelMessagesOf(db, sql`${id}`, now),
    },
    reads: { found: selectVerification(db, tenant, id) },
  };
  return async () => {
    const { written, found } = await commit(services, batch);
    return conclude(ctx, input, { row: found[0], counted: written && written.decided.rows.length > 0, challenge, now });
  };
}

interface Checked {
  row: VerificationRow | undefined;
  /** Undefined when the database's answer was lost. */
  counted: boolean | undefined;
  challenge: string | null;
  now: number;
}

async function conclude(
  ctx: Context,
  input: Input,
  { row, challenge, now, ...checked }: Checked,
): Promise<ApprovedVerification> {
  const { actor, requestId: checkId } = ctx;
  const { body } = input;
  if (!row) throw new AppError("verification-not-found");
  const counted = checked.counted ?? row.lastCheck === checkId;
  const status = statusOf(row, { now, scopes: actor.scopes });
  if (counted && status === "approved") return approved(ctx, row, input);
  if (status !== "pending") throw new AppError(terminalErrors[status]);
  if (counted) throw incorrect(row, body);
  if ((row.lockedUntil ?? 0) > now) throw destinationLocked(actor.policy, (row.lockedUntil ?? 0) - now);
  if (row.clientBinding !== null && row.clientBinding !== challenge) {
    throw new AppError("client-binding-mismatch", { detail: otherClient });
  }
  // The check was counted, but the database's answer was lost, and a later check replaced its id in `last_check`.
  throw incorrect(row, body);
}

/** Checks a code by the number instead of the id. */
export async function checkByNumber(ctx: Context, body: CheckByNumber): Promise<ApprovedVerification> {
  const { services, actor } = ctx;
  const { db, phoneKey } = services;
  const tenant = tenantOf(actor);
  const { e164 } = readPhone(actor, body.to, "/to");
  const toHash = await phoneHash(phoneKey, hashScope(tenant), e164);
  const found = await db.kysely
    .selectFrom("verification")
    .select("id")
    .where("workspaceId", "=", tenant.workspaceId)
    .where("test", "=", tenant.test)
    .where("toHash", "=", toHash)
    .where("purpose", "=", body.purpose)
    .orderBy(sql`status = 'pending'`, "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (!found) throw new AppError("verification-not-found");
  const check = await prepareCheck(ctx, { id: found.id, body, e164 });
  return check();
}

/**
 * Counts the result of a counted check for the destination. Too many wrong codes in an hour lock the destination
 * until the end of that hour, and twice as long each time. Too many in a row lock it for a day. A right code resets the
 * count in a row, but not the count of the hour. Without anything to reset it stores nothing.
 */
function countFailure(
  { services: { db }, actor: { policy }, requestId }: Context,
  { id, now }: { id: string; now: number },
) {
  const [hour, day] = [sql.lit(hourMs), sql.lit(dayMs)];
  const at = sql`excluded.updated_at`;
  const isHourOpen = sql`failures_from > ${at} - ${hour}`;
  const failures = sql`iif(${isHourOpen}, failures + 1, 1)`;
  const inARow = sql`iif((SELECT code_length FROM verification WHERE id = ${id}) <= ${sql.lit(shortCode.upTo)},
    ${Math.min(shortCode.lockAfterFailures, policy.lockAfterFailures)}, ${policy.lockAfterFailures})`;
  const limit = policy.failedChecksPerHour;
  // How long the first wrong code locks, if one is already too many.
  const firstLockMs = policy.lockAfterFailures === 1 ? dayMs : limit === 1 ? hourMs : 0;
  return sql`INSERT INTO destination_budget (workspace_id, to_hash, consecutive, locked_until, failures, failures_from, locks,
      updated_at)
    SELECT workspace_id, to_hash, status <> 'approved', (status <> 'approved') * ${firstLockMs && now + firstLockMs},
      status <> 'approved', ${now}, (status <> 'approved') * ${Math.sign(firstLockMs)}, ${now}
    FROM verification v WHERE id = ${id} AND last_check = ${requestId} AND (status <> 'approved' OR EXISTS (SELECT 1
      FROM destination_budget b WHERE b.workspace_id = v.workspace_id AND b.to_hash = v.to_hash
        AND (b.consecutive > 0 OR b.locks > 0 OR b.locked_until > 0)))
    ON CONFLICT DO UPDATE SET
      consecutive = iif(excluded.consecutive = 0, 0, consecutive + 1),
      failures = iif(excluded.consecutive = 0, failures, ${failures}),
      failures_from = iif(excluded.consecutive = 0 OR ${isHourOpen}, failures_from, ${at}),
      locks = CASE WHEN excluded.consecutive = 0 THEN 0
        WHEN ${failures} >= ${limit} OR consecutive + 1 >= ${inARow} THEN locks + 1 ELSE locks END,
      locked_until = CASE WHEN excluded.consecutive = 0 THEN 0 WHEN consecutive + 1 >= ${inARow} THEN ${at} + ${day}
        WHEN ${failures} < ${limit} THEN 0 WHEN locks = 0 THEN iif(${isHourOpen}, failures_from, ${at}) + ${hour}
        ELSE ${at} + min(${day}, ${hour} << min(locks, 5)) END,
      updated_at = ${at}`.compile(db.kysely);
}

async function approved(ctx: Context, row: VerificationRow, { e164 }: Input): Promise<ApprovedVerification> {
  const { actor } = ctx;
  const { proofs, log } = ctx.services;
  const now = row.updatedAt;
  const verification = toVerification(row, { now, scopes: actor.scopes });
  if (row.hasKnownCode === 1) return { ...verification, proof: null };
  const claims = {
    purpose: row.purpose,
    to: verification.to,
    ...(verification.bind ? { bind: verification.bind } : {}),
    // A test proves no number.
    ...(row.test === 1
      ? { test: true }
      : e164 === undefined
        ? {}
        : { phone_number: e164, phone_number_verified: true }),
  };
  // A proof of the sandbox has another audience, so that no verifier accepts it as a live one.
  const audience = hashScope(tenantOf(actor));
  const proof = await proofs.sign({ audience, verificationId: row.id, claims }).catch((error: unknown) => {
    // The code is already consumed, so an error now would lose the approval.
    log(`${row.id} got no proof`, error);
    return null;
  });
  return { ...verification, proof };
}

function incorrect({ attemptsLeft, bind }: VerificationRow, body: CheckVerification): AppError {
  if (bind !== null && !body.bind) {
    return new AppError("code-incorrect", {
      attemptsLeft,
      detail: "The verification has a `bind`: send the same `bind` with the check.",
    });
  }
  return new AppError("code-incorrect", { attemptsLeft });
}

/** The error of a check for each terminal status. */
export const terminalErrors: Record<Exclude<VerificationStatus, "pending">, ErrorCode> = {
  approved: "verification-approved",
  canceled: "verification-canceled",
  expired: "verification-expired",
  max_attempts_reached: "max-attempts-reached",
  undeliverable: "verification-undeliverable",
  blocked: "verification-blocked",
};

/** The errors for a verification that has ended. */
export const ended = [
  "verification-approved",
  "verification-canceled",
  "verification-expired",
  "verification-undeliverable",
  "verification-blocked",
  "max-attempts-reached",
] as const;
