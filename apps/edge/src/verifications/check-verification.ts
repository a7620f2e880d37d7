import { AppError, type ErrorCode, type Verification, type VerificationStatus } from "@sandi/contracts";
import { codeMac } from "@sandi/crypto";
import { sql } from "kysely";
import { recover } from "../db/lost-writes.ts";
import type { KnownKey } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { statusOf, toVerification, type VerificationRow } from "./present.ts";
import { selectVerification, voidCheck } from "./repository.ts";

/** So many wrong codes in a row for one destination, over all its verifications, lock it for a while. */
export const destinationLock = { afterFailures: 100, forMs: 3600_000 };

interface Input {
  key: KnownKey;
  id: string;
  code: string;
  /** Names this check, so that it is known again if the database's answer is lost. */
  checkId: string;
}

/** Decides a code: one statement counts, compares and consumes. Resolves only when the code was right. */
export async function checkVerification(
  services: Services,
  { key, id, code, checkId }: Input,
  lock = destinationLock,
): Promise<Verification> {
  const { db, peppers } = services;
  const { workspaceId } = key;
  const now = services.now().getTime();
  const macs = await codeMac(peppers, { verificationId: id, code });
  const isRight = sql`code_mac IN (${sql.join(macs)})`;
  const ends = sql`${isRight} OR attempts_left = 1`;

  const statements = [
    sql<{ status: VerificationStatus; attemptsLeft: number }>`UPDATE verification SET
        attempts_left = attempts_left - 1,
        status = CASE WHEN ${isRight} THEN 'approved' WHEN attempts_left = 1 THEN 'max_attempts_reached' ELSE status END,
        approved_at = CASE WHEN ${isRight} THEN ${now} END,
        sealed_code = CASE WHEN ${ends} THEN NULL ELSE sealed_code END,
        code_mac = CASE WHEN ${ends} THEN NULL ELSE code_mac END,
        last_check = ${checkId}, updated_at = ${now}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND status = 'pending' AND attempts_left > 0
        AND expires_at > ${now} AND instr(void_checks, ${checkId}) = 0 AND NOT EXISTS (SELECT 1 FROM destination_budget b
          WHERE b.workspace_id = verification.workspace_id AND b.to_hash = verification.to_hash AND b.locked_until > ${now})
      RETURNING status, attempts_left`.compile(db.kysely),
    sql`INSERT INTO destination_budget (workspace_id, to_hash, consecutive, locked_until)
      SELECT workspace_id, to_hash, CASE WHEN status = 'approved' THEN 0 ELSE 1 END, 0
      FROM verification WHERE id = ${id} AND changes() = 1
      ON CONFLICT DO UPDATE SET
        consecutive = CASE WHEN excluded.consecutive = 0 THEN 0 ELSE consecutive + 1 END,
        locked_until = CASE WHEN excluded.consecutive = 1 AND consecutive + 1 >= ${lock.afterFailures}
          THEN ${now + lock.forMs} ELSE 0 END`.compile(db.kysely),
    // A code that is used up or can no longer be used is not sent any more.
    sql`UPDATE message SET status = 'canceled', updated_at = ${now} WHERE verification_id = ${id}
      AND workspace_id = ${workspaceId} AND status = 'queued'
      AND EXISTS (SELECT 1 FROM verification v WHERE v.id = ${id} AND v.last_check = ${checkId} AND v.status <> 'pending')`.compile(
      db.kysely,
    ),
    selectVerification(db, workspaceId, id),
  ] as const;

  let row: VerificationRow | undefined;
  let counted: boolean;
  try {
    const [decision, , , found] = await db.write(statements);
    row = found.rows[0];
    counted = decision.rows.length > 0;
  } catch (error) {
    const block = () => voidCheck(db, workspaceId, { id, checkId });
    row = await recover(services, error, { settle: block, withdraw: block });
    counted = row.lastCheck === checkId;
    if (row.status === "pending" && !counted) throw error;
  }

  if (!row) throw new AppError("verification-not-found");
  const status = statusOf(row, now);
  if (counted && status === "approved") return toVerification(row, { now, scopes: key.scopes });
  if (status !== "pending") throw new AppError(terminalErrors[status]);
  if (counted) throw new AppError("code-incorrect", { attemptsLeft: row.attemptsLeft });
  throw new AppError("destination-locked", {
    retryAfter: Math.max(1, Math.ceil(((row.lockedUntil ?? 0) - now) / 1000)),
  });
}

/** What every terminal state answers to a check. */
export const terminalErrors: Record<Exclude<VerificationStatus, "pending">, ErrorCode> = {
  approved: "verification-approved",
  canceled: "verification-canceled",
  expired: "verification-expired",
  max_attempts_reached: "max-attempts-reached",
  undeliverable: "verification-undeliverable",
  blocked: "verification-undeliverable",
};
