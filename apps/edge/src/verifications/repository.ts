import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { VerificationRow } from "./present.ts";

/** A verification of the workspace with its latest message and the lock on its destination. */
export function selectVerification(db: Db, workspaceId: string, id: string | ReturnType<typeof sql<string>>) {
  return sql<VerificationRow>`
    SELECT v.id, v.status, v.mode, v.to_masked, v.purpose, v.expires_at, v.attempts_left, v.sends_left, v.next_send_at,
      v.message_id, v.metadata, v.test, v.last_check, m.session_id, m.status AS message_status, m.failure, m.sent_at,
      m.delivered_at, m.read_at, b.locked_until
    FROM verification v
    JOIN message m ON m.id = v.message_id
    LEFT JOIN destination_budget b ON b.workspace_id = v.workspace_id AND b.to_hash = v.to_hash
    WHERE v.id = ${id} AND v.workspace_id = ${workspaceId}`.compile(db.kysely);
}

export async function findVerification(db: Db, workspaceId: string, id: string): Promise<VerificationRow | undefined> {
  return (await db.kysely.executeQuery(selectVerification(db, workspaceId, id))).rows[0];
}

/**
 * After a check without an answer: lets it count no more if it has not yet, so that a 503 stays true. Answers the
 * verification; its `lastCheck` tells whether the check had counted.
 */
export async function voidCheck(db: Db, workspaceId: string, { id, checkId }: { id: string; checkId: string }) {
  const [, { rows }] = await db.write([
    sql`UPDATE verification SET void_checks = void_checks || ${` ${checkId}`}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND status = 'pending' AND last_check IS NOT ${checkId}`.compile(
      db.kysely,
    ),
    selectVerification(db, workspaceId, id),
  ]);
  return rows[0];
}
