import { AppError } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db, PoolTable, SessionTable } from "../db/schema.ts";
import { defaultPoolOf, hasPool, noPool } from "../pools/repository.ts";
import { hasRoomForNew, isEligible, isSending, mayOpenChats, scoreOf } from "./health.ts";

/** What a request says of who is to send: a session and no other, a pool, or the default pool. */
export interface Route {
  sessionId?: string | undefined;
  poolId?: string | undefined;
  /** JSON pointer to the object that says so, where it is not the body. */
  within?: string;
}

/** The pool whose senders stand in for each other; null where a session was asked for. */
export const poolOf = (workspaceId: string, { sessionId, poolId }: Route) =>
  sessionId === undefined ? (poolId ?? defaultPoolOf(workspaceId)) : null;

/** Values may be columns of the query around it. */
interface Choice {
  workspaceId: string | RawBuilder<unknown>;
  /** True in SQL of a `session` that may be chosen. */
  among: RawBuilder<boolean>;
  toHash: string | RawBuilder<unknown>;
  at: number;
}

/** The sessions that a request may be sent with, in SQL. */
export const amongRoute = (workspaceId: string, route: Route) =>
  route.sessionId === undefined
    ? sql<boolean>`session.pool_id = ${poolOf(workspaceId, route)}`
    : sql<boolean>`session.id = ${route.sessionId}`;

/** Who has a chat with a session can be written to whatever its account may do with strangers. */
const mayWrite = (at: number) =>
  sql<boolean>`(w.reached_at IS NOT NULL OR w.wrote_at IS NOT NULL OR (${mayOpenChats(at)} AND ${hasRoomForNew(at)}))`;

/**
 * The sender in SQL, as one row of id, may_write, has_written and fallback: one that may write to the recipient, that can
 * send at once, then as the strategy of its pool has it, then the fittest. No row: nobody is linked.
 */
export const pickSender = ({ workspaceId, among, toHash, at }: Choice): RawBuilder<unknown> => sql`(
  SELECT session.id, ${mayWrite(at)} AS may_write, w.wrote_at IS NOT NULL AS has_written, pool.fallback
  FROM session LEFT JOIN pool ON pool.id = session.pool_id
  LEFT JOIN warm_contact w ON w.workspace_id = session.workspace_id AND w.to_hash = ${toHash} AND w.session_id = session.id
  WHERE session.workspace_id = ${workspaceId} AND ${among} AND ${isEligible}
  ORDER BY may_write DESC, ${isSending(at)} DESC, session.state = 'online' DESC,
    CASE pool.strategy WHEN 'sticky' THEN -coalesce(w.last_at, 0) WHEN 'least_loaded' THEN session.waiting
      WHEN 'round_robin' THEN session.turn END,
    ${scoreOf(at)} DESC, session.waiting, session.id LIMIT 1)`;

/** True in SQL when there is one that may write to the recipient and can send at once. */
export const hasSender = ({ workspaceId, among, toHash, at }: Choice): RawBuilder<boolean> => sql<boolean>`EXISTS (
  SELECT 1 FROM session
  LEFT JOIN warm_contact w ON w.workspace_id = session.workspace_id AND w.to_hash = ${toHash} AND w.session_id = session.id
  WHERE session.workspace_id = ${workspaceId} AND ${among} AND ${isEligible} AND ${isSending(at)} AND ${mayWrite(at)})`;

/** True in SQL while this session can be written to, or can send. */
export const isLinked = (id: RawBuilder<unknown>) =>
  sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.id = ${id} AND ${isEligible})`;

/** The best that there is for a request, whatever its state; all null when there is none. */
export type Candidate = {
  hasPool: 0 | 1;
  mayWrite: 0 | 1 | null;
  mayOpen: 0 | 1 | null;
  fallback: PoolTable["fallback"] | null;
} & {
  [Column in "id" | "desired" | "state" | "phone"]: SessionTable[Column] | null;
};

interface Asked {
  route: Route;
  toHash?: string;
  at: number;
}

export const selectCandidate = (db: Db, workspaceId: string, asked: Asked) =>
  candidateOf(workspaceId, asked).compile(db.kysely);

/** The same as one value in SQL: a JSON object. */
export const candidateJson = (workspaceId: string, asked: Asked) =>
  sql`(SELECT json_object('hasPool', has_pool, 'id', id, 'desired', desired, 'state', state, 'phone', phone,
    'mayWrite', may_write, 'mayOpen', may_open, 'fallback', fallback) FROM (${candidateOf(workspaceId, asked)}))`;

function candidateOf(workspaceId: string, { route, toHash = "", at }: Asked): RawBuilder<Candidate> {
  const hasRoutePool = route.poolId === undefined ? sql`1` : hasPool(workspaceId, route.poolId);
  return sql<Candidate>`SELECT ${hasRoutePool} AS has_pool, c.* FROM (SELECT 1) LEFT JOIN (
      SELECT session.id, session.desired, session.state, session.phone, ${mayWrite(at)} AS may_write,
        ${mayOpenChats(at)} AS may_open, pool.fallback
      FROM session LEFT JOIN pool ON pool.id = session.pool_id
      LEFT JOIN warm_contact w ON w.workspace_id = session.workspace_id AND w.to_hash = ${toHash}
        AND w.session_id = session.id
      WHERE session.workspace_id = ${workspaceId} AND ${amongRoute(workspaceId, route)}
      ORDER BY ${isEligible} DESC, may_write DESC, session.desired = 'running' AND session.state <> 'ended' DESC,
        session.state = 'online' DESC LIMIT 1) c ON true`;
}

/** True in SQL when the workspace has the session and the pool that a request names. The sandbox checks nothing else of them. */
export function hasRoute(workspaceId: string, { sessionId, poolId }: Route): RawBuilder<boolean> {
  const hasSession = sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.id = ${sessionId ?? ""}
    AND session.workspace_id = ${workspaceId} AND session.desired <> 'deleted')`;
  return sql<boolean>`(${sessionId === undefined ? sql`true` : hasSession}
    AND ${poolId === undefined ? sql`true` : hasPool(workspaceId, poolId)})`;
}

/** Why a request names a session or a pool that is not there. */
export function noRoute(route: Route, found: Candidate | undefined): AppError | undefined {
  const { within = "" } = route;
  if (found?.hasPool === 0) return noPool(`${within}/poolId`);
  if (route.sessionId === undefined || (found?.id && found.desired !== "deleted")) return undefined;
  const errors = [{ pointer: `${within}/sessionId`, message: "is not a session of this workspace" }];
  return new AppError("session-not-found", { errors });
}

/** Why a request finds no sender; undefined when it does. */
export function noSession(route: Route, found: Candidate | undefined): AppError | undefined {
  const missing = noRoute(route, found);
  if (missing) return missing;
  const isWanted = found?.desired === "running" && found.state !== "ended";
  if (found && route.sessionId !== undefined) {
    if (found.desired === "stopped")
      return new AppError("session-ended", { detail: "The session is stopped; start it." });
    if (!isWanted) return new AppError("session-ended", { detail: "Restart the session and link it again." });
  }
  if (!isWanted) {
    const pool = route.poolId === undefined ? "" : " in this pool";
    const detail =
      found?.desired === "stopped"
        ? `No session${pool} is running; start one.`
        : `Create a session${pool} and link a WhatsApp account first.`;
    return new AppError("no-eligible-session", { detail });
  }
  if (found.phone !== null) return undefined;
  const detail =
    "The session is not linked to a WhatsApp account yet: scan its QR code with the phone that is to send.";
  return new AppError("no-eligible-session", { detail });
}

/** The same for who would have to open a chat with the recipient. */
export function noOpener(route: Route, found: Candidate | undefined): AppError | undefined {
  const error = noSession(route, found);
  if (error || found?.mayWrite !== 0) return error;
  const whom = route.sessionId === undefined ? "any account of the pool" : "the session's account";
  const why =
    found.mayOpen === 1
      ? `The sender pool's \`newChatsPerDay\` does not let ${whom} write to anybody new for now`
      : `WhatsApp does not let ${whom} open new chats at the moment`;
  return new AppError("no-eligible-session", { detail: `${why}; who has a chat with it can still be written to.` });
}
