import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { appendJob } from "../jobs/append-job.ts";
import { republishMs } from "../jobs/kind.ts";
import { pickSender } from "../sessions/pick.ts";
import { isEligible } from "../sessions/sender-score.ts";
import { readPolicy } from "../stored-policy.ts";
import { windows } from "./destination-sends.ts";
import { textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { countForRecipients } from "./recipient-limits.ts";
import { sandbox } from "./sandbox.ts";

/** One batch looks at this many scheduled messages. */
export const releaseSize = 200;
/** A message that cannot be queued yet is looked at again after this time, so that it does not delay the others. */
const lookAgainMs = republishMs;

const isScheduled = sql<boolean>`message.status = 'scheduled'`;

/** True in SQL for the messages that this batch has queued: their events show them. */
const areQueued = (at: number) =>
  sql<boolean>`message.id IN (SELECT message_id FROM event WHERE at = ${at} AND type = 'message.queued')
    AND message.queued_at = ${at}`;

/**
 * True in SQL for a message to a stranger through a pool that limits new chats. A batch queues one of them for a workspace:
 * the limit is checked before the batch counts.
 */
const isNewToLimited = sql<boolean>`(NOT EXISTS (SELECT 1 FROM warm_contact w
    WHERE w.workspace_id = message.workspace_id AND w.to_hash = message.to_hash)
  AND EXISTS (SELECT 1 FROM pool WHERE pool.new_chats_per_day IS NOT NULL AND pool.id = coalesce(message.pool_id,
    (SELECT pool_id FROM session WHERE session.id = message.session_id))))`;

/** The sessions that may send a scheduled message: its own, or those of its pool. */
const among = sql<boolean>`(session.pool_id = message.pool_id
  OR (message.pool_id IS NULL AND session.id = message.session_id))`;

const usual = readPolicy("{}");

/** A field of the workspace's policy. */
const limitOf = (field: "messagesPerRecipientPerHour" | "messagesPerRecipientPerDay") =>
  sql`coalesce((SELECT policy ->> ${`$.${field}`} FROM workspace WHERE id = d.workspace_id), ${usual[field]})`;

/**
 * Queues the scheduled live messages whose time has come, each for the session that is the best one now. A message waits
 * while no session may write to its recipient, or while the recipient's limits are used up. It fails if all its sessions
 * have ended, or when it expires.
 */
export function releaseDue(db: Db, at: number) {
  // Taken messages have this time. Those that are still scheduled at the end are looked at again then.
  const taken = sql<boolean>`${isScheduled} AND message.due_at = ${at + lookAgainMs} AND message.send_at <= ${at}
    AND message.test = 0`;
  const sender = pickSender({
    workspaceId: sql.ref("message.workspace_id"),
    among,
    toHash: sql.ref("message.to_hash"),
    at,
  });
  const next = sql`(SELECT id FROM ${sender} WHERE may_write)`;
  const isWithin = (window: "hour" | "day", ms: number, limit: ReturnType<typeof limitOf>) =>
    sql`d.turn + coalesce((SELECT iif(r.${sql.raw(window)}_from > ${at - ms}, r.${sql.raw(window)}_count, 0)
      FROM recipient_send r WHERE r.workspace_id = d.workspace_id AND r.to_hash = d.to_hash), 0) <= ${limit}`;
  return {
    taken: sql`UPDATE message SET due_at = ${at + lookAgainMs} WHERE id IN (SELECT id FROM message
      WHERE status = 'scheduled' AND due_at <= ${at} AND test = 0 ORDER BY due_at LIMIT ${releaseSize})`.compile(
      db.kysely,
    ),
    expired: moveMessages(db, "lapse", {
      which: sql`${taken} AND message.expires_at <= ${at}`,
      at,
      set: sql`failure = 'expired'`,
    }),
    ended: moveMessages(db, "lapse", {
      which: sql`${taken} AND NOT EXISTS (SELECT 1 FROM session WHERE session.workspace_id = message.workspace_id
        AND ${among} AND ${isEligible})`,
      at,
      set: sql`failure = 'session_ended'`,
    }),
    // The triggers count each row before the next one chooses its session.
    queued: moveMessages(db, "release", {
      which: sql`${taken} AND ${next} IS NOT NULL AND message.id IN (SELECT d.id FROM (SELECT id, workspace_id, to_hash, is_new,
          row_number() OVER (PARTITION BY workspace_id, to_hash ORDER BY send_at, id) AS turn,
          row_number() OVER (PARTITION BY workspace_id, is_new ORDER BY send_at, id) AS turn_of_kind
        FROM (SELECT id, workspace_id, to_hash, send_at, ${isNewToLimited} AS is_new FROM message WHERE ${taken})) d
      WHERE (d.is_new = 0 OR d.turn_of_kind = 1)
        AND ${isWithin("hour", windows.hourMs, limitOf("messagesPerRecipientPerHour"))}
        AND ${isWithin("day", windows.dayMs, limitOf("messagesPerRecipientPerDay"))})`,
      at,
      set: sql`session_id = coalesce(${next}, session_id), queued_at = ${at}, due_at = NULL`,
    }),
    jobs: appendJob(db, textJobs, { which: areQueued(at), at, publishAfter: at }),
    counted: countForRecipients(db, { which: areQueued(at), at }),
  };
}

/** The same in the sandbox, of one workspace or of all: nothing delays a message there. */
export function releaseInSandbox(db: Db, at: number, workspaceId?: string) {
  const which = sql<boolean>`message.id IN (SELECT id FROM message WHERE status = 'scheduled' AND due_at <= ${at}
    ${workspaceId === undefined ? sql`` : sql`AND workspace_id = ${workspaceId}`} AND test = 1 LIMIT ${releaseSize})`;
  return [
    moveMessages(db, "release", { which, at, set: sql`queued_at = ${at}, due_at = NULL` }),
    ...sandbox.queue(db, workspaceId, textJobs, { which: sql`${areQueued(at)} AND message.test = 1`, at }),
  ];
}
