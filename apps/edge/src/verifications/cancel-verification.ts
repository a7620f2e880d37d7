import { AppError, type Verification } from "@sandi/contracts";
import { sql } from "kysely";
import { isUnreachable } from "../db/failures.ts";
import type { KnownKey } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { terminalErrors } from "./check-verification.ts";
import { statusOf, toVerification, type VerificationRow } from "./present.ts";
import { findVerification, selectVerification } from "./repository.ts";

/** Ends a pending verification and takes back what has not been sent; canceling again changes nothing. */
export async function cancelVerification(
  { db, now }: Services,
  { key, id }: { key: KnownKey; id: string },
): Promise<Verification> {
  const { workspaceId, scopes } = key;
  const at = now().getTime();
  let row: VerificationRow | undefined;
  try {
    const [, , found] = await db.write([
      sql`UPDATE verification SET status = 'canceled', code_mac = NULL, sealed_code = NULL, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND status = 'pending' AND expires_at > ${at}`.compile(
        db.kysely,
      ),
      sql`UPDATE message SET status = 'canceled', updated_at = ${at} WHERE verification_id = ${id} AND status = 'queued'
        AND EXISTS (SELECT 1 FROM verification v WHERE v.id = ${id} AND v.workspace_id = ${workspaceId}
          AND v.status = 'canceled')`.compile(db.kysely),
      selectVerification(db, workspaceId, id),
    ]);
    row = found.rows[0];
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    row = await findVerification(db, workspaceId, id);
    if (row && statusOf(row, at) === "pending") throw error;
  }
  if (!row) throw new AppError("verification-not-found");
  const status = statusOf(row, at);
  if (status !== "canceled") throw new AppError(status === "pending" ? "internal-error" : terminalErrors[status]);
  return toVerification(row, { now: at, scopes });
}
