import type { FailureReason } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { MessageTable } from "../db/tables/messages.ts";
import type { Services } from "../services.ts";
import { isEligible, isSending } from "../sessions/sender-score.ts";
import { hasSender, pickSender } from "../sessions/pick.ts";
import { firstPublishMs, type JobColumns } from "../jobs/kind.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { codeJobs, pacingOfRow, sendJobs, textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import type { MessageRow } from "./present.ts";

/** At most this many sessions try to send one message. */
export const sendersPerMessage = 3;
/** One statement moves at most this many messages. */
const movesPerStatement = 200;

/** A message that was moved, with the columns that its job needs. */
export type Rerouted = Pick<MessageTable, "sessionId" | "expiresAt" | "lane" | "queuedAt"> &
  Pick<MessageRow, "pacing"> &
  JobColumns;

/** Statements that move messages, their jobs and their verifications. */
export interface Reroute {
  readonly moved: CompiledQuery<Rerouted>;
  readonly jobs: CompiledQuery;
  readonly verifications: CompiledQuery;
  readonly [name: string]: CompiledQuery;
}

const kinds = sql.join(sendJobs.map(({ name }) => name));

interface Move {
  /** True in SQL for the messages to move. */
  which: RawBuilder<boolean>;
  /** Why the session could not send the message; the session does not get it again. Null: the session was not online. */
  reason: FailureReason | null;
  at: number;
}

/**
 * Moves messages to another sender of their pool. Their claims are reset, because a fence belongs to one session. A
 * waiting message moves only to a session that can send at once. A message that failed may also wait for a session that
 * is offline. Messages that no other session can send do not move.
 */
function reroute(db: Db, { which, reason, at }: Move): Reroute {
  const next = sql`(SELECT id FROM ${pickSender({
    workspaceId: sql.ref("message.workspace_id"),
    among: sql<boolean>`session.pool_id = message.pool_id AND session.id <> message.session_id
      AND message.tried ->> ('$.' || session.id) IS NULL AND ${reason === null ? isSending(at) : sql`true`}`,
    toHash: sql.ref("message.to_hash"),
    at,
  })} WHERE may_write)`;
  const tried = reason === null ? sql`tried` : sql`json_set(tried, '$.' || session_id, ${reason})`;
  const job = (column: string) =>
    sql`(SELECT ${sql.ref(column)} FROM job WHERE kind IN (${kinds}) AND subject_id = message.id)`;
  // The events of the first statement show which messages it moved.
  const moved = (column: string) =>
    sql`SELECT ${sql.ref(column)} FROM event WHERE at = ${at} AND type = 'message.rerouted'`;
  return {
    moved: moveMessages<Rerouted>(db, "reroute", {
      which: sql`${which} AND ${isMovable("message", at)} AND ${next} IS NOT NULL`,
      at,
      set: sql`session_id = ${next}, tried = ${tried}, claimed_by = NULL, claim_until = NULL, claim_fence = 0, attempt = 0`,
      returning: sql`id, session_id, expires_at, lane, queued_at, ${job("publish_count")} + 1 AS publish_count,
        ${job("traceparent")} AS traceparent, ${pacingOfRow} AS pacing`,
    }),
    // A job counts a move once, also when more messages move in the same batch.
    jobs: sql`UPDATE job SET publish_count = publish_count + 1, publish_after = ${at + firstPublishMs}
      WHERE kind IN (${kinds}) AND subject_id IN (${moved("message_id")}) AND publish_after <> ${at + firstPublishMs}`.compile(
      db.kysely,
    ),
    verifications:
      sql`UPDATE verification SET session_id = (SELECT m.session_id FROM message m WHERE m.id = verification.message_id)
      WHERE id IN (${moved("verification_id")}) AND message_id IN (${moved("message_id")}) AND mode = 'push'`.compile(
        db.kysely,
      ),
  };
}

/** True in SQL for a message that another session may send: it has a pool, is not the sandbox's, and has not expired. */
function isMovable(message: "message" | "m", at: number): RawBuilder<boolean> {
  const of = (column: string) => sql.ref(`${message}.${column}`);
  return sql<boolean>`(${of("pool_id")} IS NOT NULL AND ${of("test")} = 0 AND ${of("expires_at")} > ${at}
    AND (${of("verification_id")} IS NULL OR EXISTS (SELECT 1 FROM verification v
      WHERE v.id = ${of("verification_id")} AND v.status = 'pending')))`;
}

interface Failed {
  messageId: string;
  sessionId: string;
  reason: FailureReason;
  at: number;
}

/**
 * Reroutes a message that its account could not send. With `new_chats_locked` no attempt can have arrived. With any other
 * reason only a first attempt is certain not to have arrived.
 */
export function rerouteFailed(db: Db, { messageId, sessionId, reason, at }: Failed) {
  const which = sql<boolean>`id = ${messageId} AND session_id = ${sessionId}
    AND (attempt <= 1 OR ${reason} = 'new_chats_locked')
    AND (SELECT count(*) FROM json_each(tried)) < ${sendersPerMessage - 1}`;
  return reroute(db, { which, reason, at });
}

/** Reroutes unclaimed messages of a session that cannot send. */
export function rerouteWaiting(
  db: Db,
  { sessionId, workspaceId, at }: { sessionId: string; workspaceId?: string; at: number },
) {
  const isAway = sql<boolean>`away.id = ${sessionId}
    AND away.workspace_id = coalesce(${workspaceId ?? null}, away.workspace_id) AND EXISTS (SELECT 1 FROM session
      WHERE session.id = away.id AND NOT (${isEligible} AND ${isSending(at)}))`;
  return rerouteFrom(db, isAway, at);
}

/** The same for all sessions that cannot send: those that are not online, and those that are paused. */
export const rerouteBehind = (db: Db, at: number) =>
  [
    rerouteFrom(db, sql<boolean>`away.waiting > 0 AND away.state <> 'online'`, at),
    rerouteFrom(db, sql<boolean>`away.paused_until > ${at} AND away.waiting > 0`, at),
  ] as const;

/** Moves messages that wait for the sessions `away`. Messages that cannot move do not count for the limit. */
function rerouteFrom(db: Db, isAway: RawBuilder<boolean>, at: number) {
  const canMove = hasSender({
    workspaceId: sql.ref("m.workspace_id"),
    among: sql<boolean>`session.pool_id = m.pool_id AND session.id <> m.session_id
      AND m.tried ->> ('$.' || session.id) IS NULL`,
    toHash: sql.ref("m.to_hash"),
    at,
  });
  // A cheap condition first: without another session that can send, no messages are read.
  const hasOther = sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.workspace_id = away.workspace_id
    AND session.id <> away.id AND ${isEligible} AND ${isSending(at)})`;
  return reroute(db, {
    which: sql<boolean>`id IN (SELECT m.id FROM session away CROSS JOIN message m ON m.session_id = away.id
        AND m.status IN ('queued', 'sending') AND m.status = 'queued' AND ${isMovable("m", at)}
        AND m.workspace_id = away.workspace_id
      WHERE ${isAway} AND ${hasOther} AND ${canMove} LIMIT ${movesPerStatement})`,
    reason: null,
    at,
  });
}

/** Publishes the jobs of moved messages, in the background of the answer. */
export function publishRerouted(services: Services, rows: readonly Rerouted[]): void {
  publishSoon(
    services,
    codeJobs,
    rows.filter(({ pacing }) => pacing === null),
  );
  publishSoon(
    services,
    textJobs,
    rows.filter(({ pacing }) => pacing !== null),
  );
}
