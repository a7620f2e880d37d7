import type { FailureReason } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db, MessageTable } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { isEligible, isSending } from "../sessions/sender-score.ts";
import { hasSender, pickSender } from "../sessions/pick.ts";
import { firstPublishMs, type JobColumns } from "../jobs/kind.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { codeJobs, pacingOfRow, sendJobs, textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import type { MessageRow } from "./present.ts";

/** So many sessions try to send one message. */
export const sendersPerMessage = 3;
/** So many messages move in one statement. */
const movesAtOnce = 200;

/** A message that has moved, with what its job needs. */
export type Rerouted = Pick<MessageTable, "sessionId" | "expiresAt"> & Pick<MessageRow, "pacing"> & JobColumns;

/** Moves messages and answers them, and moves what belongs to them. */
export interface Reroute {
  readonly moved: CompiledQuery<Rerouted>;
  readonly jobs: CompiledQuery;
  readonly verifications: CompiledQuery;
  readonly [name: string]: CompiledQuery;
}

const kinds = sql.join(sendJobs.map(({ name }) => name));

interface Move {
  /** True in SQL of the messages that are to move. */
  which: RawBuilder<boolean>;
  /** Why the session that has it could not send it; it is not given to that one again. Null: it was not online. */
  reason: FailureReason | null;
  at: number;
}

/**
 * Gives messages to another sender of their pool, as new: nobody has claimed them there, and what was claimed counts for
 * nothing, for the fence is the other session's. What only waits goes to one that can send at once; what could not be
 * sent waits for one that is away, if need be. Nothing happens to those that nobody else can send.
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
  // The timeline knows which messages the first statement has moved.
  const moved = (column: string) =>
    sql`SELECT ${sql.ref(column)} FROM event WHERE at = ${at} AND type = 'message.rerouted'`;
  return {
    moved: moveMessages<Rerouted>(db, "reroute", {
      which: sql`${which} AND ${isMovable("message", at)} AND ${next} IS NOT NULL`,
      at,
      set: sql`session_id = ${next}, tried = ${tried}, claimed_by = NULL, claim_until = NULL, claim_fence = 0, attempt = 0`,
      returning: sql`id, session_id, expires_at, ${job("publish_count")} + 1 AS publish_count,
        ${job("traceparent")} AS traceparent, ${pacingOfRow} AS pacing`,
    }),
    jobs: sql`UPDATE job SET publish_count = publish_count + 1, publish_after = ${at + firstPublishMs}
      WHERE kind IN (${kinds}) AND subject_id IN (${moved("message_id")})`.compile(db.kysely),
    verifications:
      sql`UPDATE verification SET session_id = (SELECT m.session_id FROM message m WHERE m.id = verification.message_id)
      WHERE id IN (${moved("verification_id")}) AND message_id IN (${moved("message_id")}) AND mode = 'push'`.compile(
        db.kysely,
      ),
  };
}

/** True in SQL for a message that another session could send: it has a pool, is not of the sandbox and has not expired. */
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
 * For a message that its account could not send. That no chat may be opened says that none of its attempts arrived; with
 * any other reason only a first attempt is certain to have left nothing behind.
 */
export function rerouteFailed(db: Db, { messageId, sessionId, reason, at }: Failed) {
  const which = sql<boolean>`id = ${messageId} AND session_id = ${sessionId}
    AND (attempt <= 1 OR ${reason} = 'new_chats_locked')
    AND (SELECT count(*) FROM json_each(tried)) < ${sendersPerMessage - 1}`;
  return reroute(db, { which, reason, at });
}

/** For what waits for a session, unclaimed, while that cannot send. */
export function rerouteWaiting(
  db: Db,
  { sessionId, workspaceId, at }: { sessionId: string; workspaceId?: string; at: number },
) {
  const isAway = sql<boolean>`away.id = ${sessionId}
    AND away.workspace_id = coalesce(${workspaceId ?? null}, away.workspace_id) AND EXISTS (SELECT 1 FROM session
      WHERE session.id = away.id AND NOT (${isEligible} AND ${isSending(at)}))`;
  return rerouteFrom(db, isAway, at);
}

/** The same for every session that cannot send: those that are not online, and those that pause. */
export const rerouteBehind = (db: Db, at: number) =>
  [
    rerouteFrom(db, sql<boolean>`away.waiting > 0 AND away.state <> 'online'`, at),
    rerouteFrom(db, sql<boolean>`away.paused_until > ${at} AND away.waiting > 0`, at),
  ] as const;

/** Moves what waits for the sessions `away`, so many at once; what cannot move is not counted. */
function rerouteFrom(db: Db, isAway: RawBuilder<boolean>, at: number) {
  const canMove = hasSender({
    workspaceId: sql.ref("m.workspace_id"),
    among: sql<boolean>`session.pool_id = m.pool_id AND session.id <> m.session_id
      AND m.tried ->> ('$.' || session.id) IS NULL`,
    toHash: sql.ref("m.to_hash"),
    at,
  });
  // Where nobody else sends at all there is nothing to look through.
  const hasOther = sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.workspace_id = away.workspace_id
    AND session.id <> away.id AND ${isEligible} AND ${isSending(at)})`;
  return reroute(db, {
    which: sql<boolean>`id IN (SELECT m.id FROM session away CROSS JOIN message m ON m.session_id = away.id
        AND m.status IN ('queued', 'sending') AND m.status = 'queued' AND ${isMovable("m", at)}
        AND m.workspace_id = away.workspace_id
      WHERE ${isAway} AND ${hasOther} AND ${canMove} LIMIT ${movesAtOnce})`,
    reason: null,
    at,
  });
}

/** Publishes the jobs of messages that have moved, beside the answer. */
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
