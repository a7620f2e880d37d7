import { sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** True in SQL of a `verification` whose code nobody has and nobody will get: every message with it has ended unsent. */
export const noMessageIsLeft = sql<boolean>`NOT EXISTS (SELECT 1 FROM message m WHERE m.verification_id = verification.id
  AND m.status NOT IN ('failed', 'canceled'))`;

/** Fails what waits for a session that is gone, and ends the verifications whose code was in it. */
export function endQueuedMessages(
  db: Db,
  { sessionId, workspaceId, now }: { sessionId: string; workspaceId: string; now: number },
) {
  return [
    sql`UPDATE message SET status = 'failed', failure = 'session_ended', sealed = NULL, updated_at = ${now}
      WHERE session_id = ${sessionId} AND workspace_id = ${workspaceId} AND status = 'queued'`.compile(db.kysely),
    sql`UPDATE verification SET status = 'undeliverable', code_mac = NULL, sealed_code = NULL, updated_at = ${now}
      WHERE status = 'pending' AND workspace_id = ${workspaceId} AND expires_at > ${now} AND id IN (
        SELECT verification_id FROM message WHERE session_id = ${sessionId} AND status = 'failed' AND updated_at = ${now})
        AND ${noMessageIsLeft}`.compile(db.kysely),
  ];
}
