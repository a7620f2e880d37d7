import type { TraceContext } from "@sandi/tracing";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { traceparentOf } from "../jobs/publish-soon.ts";
import { codeJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { senderOf } from "../messages/sender-of.ts";
import { minutesPlaceholder } from "../templates/render.ts";

export const windows = { shortMs: 600_000, hourMs: 3_600_000, dayMs: 86_400_000 };

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

/** Counts a queued code for its destination. */
const countQueued = (db: Db, { messageId, at }: { messageId: string; at: number }) =>
  sql`INSERT INTO destination_send (workspace_id, to_hash, short_from, short_count, hour_from, hour_count, day_from, day_count)
    SELECT v.workspace_id, v.to_hash, ${at}, 1, ${at}, 1, ${at}, 1
    FROM verification v JOIN message m ON m.id = ${messageId} AND m.verification_id = v.id WHERE true
    ON CONFLICT DO UPDATE SET ${counted.short}, ${counted.hour}, ${counted.day}`.compile(db.kysely);

/** At most this many sends of one workspace count for all workspaces, so that none uses up the limit of the others. */
const shareOfOne = 20;

/**
 * Counts a claimed code for all workspaces together, after the statement that gives the claim. Codes that were canceled
 * before a claim do not count.
 */
export function countClaimed(db: Db, { messageId, at }: { messageId: string; at: number }) {
  return sql`INSERT INTO destination_send (workspace_id, to_hash, short_from, short_count, hour_from, hour_count, day_from, day_count)
    SELECT '', v.global_hash, ${at}, 1, ${at}, 1, ${at}, 1
    FROM message m JOIN verification v ON v.id = m.verification_id
    JOIN destination_send own ON own.workspace_id = v.workspace_id AND own.to_hash = v.to_hash
    WHERE m.id = ${messageId} AND m.attempt = 1 AND m.tried = '{}' AND own.day_count <= ${shareOfOne} AND changes() = 1
    ON CONFLICT DO UPDATE SET ${counted.day}`.compile(db.kysely);
}

/** In the SET: one more in the current window, or the first of a new window. */
const count = (window: string, ms: number) =>
  sql.raw(`${window}_count = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_count + 1, 1),
    ${window}_from = iif(${window}_from > excluded.${window}_from - ${ms}, ${window}_from, excluded.${window}_from)`);
const counted = {
  short: count("short", windows.shortMs),
  hour: count("hour", windows.hourMs),
  day: count("day", windows.dayMs),
};
