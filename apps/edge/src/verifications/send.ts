import type { TraceContext } from "@sandi/tracing";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { traceparentOf } from "../jobs/publish-soon.ts";
import { countQueued } from "../messages/destination-sends.ts";
import { codeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { senderOf } from "../messages/sender-of.ts";
import { minutesPlaceholder } from "../templates/render.ts";

interface Send {
  tenant: Tenant;
  messageId: string;
  /** True in SQL for the verification `v` whose code is sent. */
  which: RawBuilder<unknown>;
  /** Ids in SQL of verifications whose older messages are canceled. If left out: the verification of the message. */
  older?: RawBuilder<unknown>;
  at: number;
  /** The trace of the request. */
  trace: TraceContext | undefined;
}

/**
 * Queues the code of a pending verification whose latest message is this one: inserts the message and its job, cancels
 * older messages, and counts a send of the destination. Does nothing if the verification was not stored.
 */
export function sendStatements(db: Db, { tenant, messageId, which, older, at, trace }: Send) {
  const sender = senderOf(tenant);
  const minutes = sql`max(1, CAST((v.expires_at - ${at}) / 60000 AS INTEGER))`;
  return [
    sql`INSERT INTO message (id, workspace_id, session_id, verification_id, type, to_masked, template, status, expires_at, test,
        created_at, updated_at, to_hash, pool_id)
      SELECT ${messageId}, v.workspace_id, v.session_id, v.id, 'code', v.to_masked,
        replace(v.text, ${minutesPlaceholder}, ${minutes}), 'queued', v.expires_at, v.test,
        ${at}, ${at}, v.to_hash,
        CASE WHEN v.mode = 'push' THEN v.pool_id END
      FROM verification v WHERE ${which} AND v.status = 'pending' AND v.message_id = ${messageId}`.compile(db.kysely),
    ...sender.queue(db, tenant.workspaceId, codeJobs, {
      which: sql`message.id = ${messageId}`,
      at,
      traceparent: traceparentOf(trace),
    }),
    moveMessages(db, "cancel", {
      which: sql`verification_id IN (${older ?? sql`SELECT verification_id FROM message WHERE id = ${messageId}`})
        AND id <> ${messageId}`,
      at,
      index: "message_verification",
    }),
    ...(sender.isLimited ? [countQueued(db, { messageId, at })] : []),
  ];
}
