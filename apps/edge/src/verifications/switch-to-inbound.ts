import { accountFailures } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { noMessageIsLeft } from "../messages/queued.ts";
import { pickSender } from "../sessions/pick.ts";

/**
 * Switches a verification whose code no session may send, and which was not sent, to the mode `inbound`, if the fallback
 * of its pool allows this. Its token was made at the create.
 */
export function switchToInbound(db: Db, { messageId, now }: { messageId: string; now: number }) {
  const canListen = sql<boolean>`(session.pool_id = verification.pool_id OR session.id = verification.session_id)
    AND (verification.pool_id IS NOT NULL OR session.id = verification.session_id)
    AND coalesce((SELECT tried ->> ('$.' || session.id) FROM message WHERE id = ${messageId}), 'new_chats_locked')
      = 'new_chats_locked'`;
  const [workspaceId, toHash] = [sql.ref("verification.workspace_id"), sql.ref("verification.to_hash")];
  const listener = sql`(SELECT id FROM ${pickSender({ workspaceId, among: canListen, toHash, at: now })}
    WHERE fallback = 'inbound')`;
  return sql`UPDATE verification SET mode = 'inbound', session_id = ${listener}, sends_left = sends_left + 1,
      next_send_at = ${now}, updated_at = ${now}
    WHERE status = 'pending' AND mode = 'push' AND token_mac IS NOT NULL AND expires_at > ${now} AND progress & 1 = 0
      AND id = (SELECT verification_id FROM message WHERE id = ${messageId} AND status = 'failed'
        AND failure IN (${sql.join([...accountFailures])}))
      AND ${noMessageIsLeft} AND ${listener} IS NOT NULL`.compile(db.kysely);
}
