import { AppError, type Verification } from "@sandi/contracts";
import { sql } from "kysely";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import type { KnownKey } from "../db/schema.ts";
import { firstPublishMs } from "../messages/publish.ts";
import { publishRevocations, revokeWindowMs } from "../messages/revoke.ts";
import { newId, type Services } from "../services.ts";
import { terminalErrors } from "./check-verification.ts";
import { statusOf, toVerification, type VerificationRow } from "./present.ts";
import { findVerification, selectVerification } from "./repository.ts";
import { tenantOf } from "../keys/tenant.ts";
import { withoutSecrets } from "./secrets.ts";
import { writeAs } from "../keys/write-as.ts";

interface Input {
  key: KnownKey;
  id: string;
}

/** Ends a pending verification and takes back what has been sent and not read; canceling again changes nothing. */
export async function cancelVerification(services: Services, { key, id }: Input): Promise<Verification> {
  const { db } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const row = await end(services, { key, id, to: "canceled", at }, [
    sql`UPDATE message SET revoke_until = ${at + revokeWindowMs}, publish_after = ${at + firstPublishMs}, publish_count = 1
      WHERE verification_id = ${id} AND workspace_id = ${workspaceId} AND test = 0 AND revoke_until IS NULL
        AND status IN ('sending', 'sent', 'delivered') AND EXISTS (SELECT 1 FROM verification v WHERE v.id = ${id}
          AND v.workspace_id = ${workspaceId} AND v.status = 'canceled' AND v.updated_at = ${at})`.compile(db.kysely),
  ]);
  if (row.updatedAt === at) publishRevocations(services, workspaceId, id);
  return toVerification(row, { now: at, scopes: key.scopes });
}

/** Approves on the caller's word, for a user who was recognized in another way; there is no proof of it. */
export async function approveVerification(
  services: Services,
  { key, id, reason }: Input & { reason: string },
): Promise<Verification> {
  const { db } = services;
  const at = services.now().getTime();
  const audit = auditStatement(db, {
    id: newId(services, "aud"),
    at,
    workspaceId: key.workspaceId,
    actor: key.id,
    action: "verification.approved",
    target: id,
    detail: { reason },
  });
  const row = await end(services, { key, id, to: "approved", at }, [audit]);
  if (row.approvedBy !== "external") throw new AppError("verification-approved");
  return toVerification(row, { now: at, scopes: key.scopes });
}

interface End extends Input {
  to: "canceled" | "approved";
  at: number;
}

/** Ends it, or finds that it has ended so before; throws when it has ended otherwise. */
async function end(
  services: Services,
  { key, id, to, at }: End,
  also: Parameters<Services["db"]["write"]>[0],
): Promise<VerificationRow> {
  const { db } = services;
  const tenant = tenantOf(key);
  const isApproved = to === "approved" ? 1 : 0;
  let row: VerificationRow | undefined;
  try {
    const results = await writeAs(services, key, [
      sql`UPDATE verification SET status = ${to}, ${withoutSecrets}, updated_at = ${at},
          approved_at = CASE WHEN ${isApproved} THEN ${at} END, approved_by = CASE WHEN ${isApproved} THEN 'external' END
        WHERE id = ${id} AND workspace_id = ${tenant.workspaceId} AND test = ${tenant.test} AND status = 'pending'
          AND expires_at > ${at}`.compile(db.kysely),
      ...also,
      selectVerification(db, tenant, id),
    ]);
    row = results.at(-1)?.rows[0] as VerificationRow | undefined;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    row = await findVerification(db, tenant, id);
    if (row && statusOf(row, at) === "pending") throw error;
  }
  if (!row) throw new AppError("verification-not-found");
  const status = statusOf(row, at);
  if (status !== to) throw new AppError(status === "pending" ? "internal-error" : terminalErrors[status]);
  return row;
}
