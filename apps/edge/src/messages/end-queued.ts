import { sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** Fails what waits for a session that is gone, and ends the verifications whose code was in it. */
export function endQueuedMessages(
  db: Db,
  { sessionId, workspaceId, now }: { sessionId: string; workspaceId: string; now: number },
) {
  return [
    sql`UPDATE message SET status = 'failed', failure = 'session_ended', sealed = NULL, updated_at = ${now}
      WHERE session_id = ${sessionId} AND workspace_id = ${workspaceId} AND status = 'queued'`.compile(db.kysely),
    sql`UPDATE verification SET status = 'undeliverable', code_mac = NULL, sealed_code = NULL, updated_at = ${now}
      WHERE status = 'pending' AND workspace_id = ${workspaceId} AND expires_at > ${now} AND message_id IN (
        SELECT id FROM message WHERE session_id = ${sessionId} AND status = 'failed' AND updated_at = ${now})`.compile(
      db.kysely,
    ),
  ];
}
