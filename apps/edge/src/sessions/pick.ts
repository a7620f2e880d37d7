import { AppError } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { PoolTable, SessionTable } from "../db/tables/sessions.ts";
import { defaultPoolOf, hasPool, noPool } from "../pools/repository.ts";
import { hasRoomForNew, isEligible, isSending, canOpenChats, scoreOf } from "./sender-score.ts";

/** The sender that a request names: exactly one session, a pool, or the default pool. */
export interface Route {
  sessionId?: string | undefined;
  poolId?: string | undefined;
  /** JSON pointer to the object with these fields, if it is not the body. */
  within?: string;
}

/** The pool of the request; null if the request names a session. */
export const poolOf = (workspaceId: string, { sessionId, poolId }: Route) =>
  sessionId === undefined ? (poolId ?? defaultPoolOf(workspaceId)) : null;

/** Values may be columns of the query around it. */
interface Choice {
  workspaceId: string | RawBuilder<unknown>;
  /** True in SQL for a `session` that may be chosen. */
  among: RawBuilder<boolean>;
  toHash: string | RawBuilder<unknown>;
  at: number;
}

/** True in SQL for a session that may send the request. */
export const amongRoute = (workspaceId: string, route: Route) =>
  route.sessionId === undefined
    ? sql<boolean>`session.pool_id = ${poolOf(workspaceId, route)}`
    : sql<boolean>`session.id = ${route.sessionId}`;

/** A session can write to recipients that it has a chat with, also if its account may not write to strangers. */
const mayWrite = (at: number) =>
  sql<boolean>`(w.reached_at IS NOT NULL OR w.wrote_at IS NOT NULL OR (${canOpenChats(at)} AND ${hasRoomForNew(at)}))`;

/**
 * The sender in SQL, as one row of id, may_write, has_written and fallback. Sessions that may write to the recipient come
 * first, then those that can send at once, then by the strategy of the pool, then by score. No row: no session is linked.
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

/** True in SQL if a session may write to the recipient and can send at once. */
export const hasSender = ({ workspaceId, among, toHash, at }: Choice): RawBuilder<boolean> => sql<boolean>`EXISTS (
  SELECT 1 FROM session
  LEFT JOIN warm_contact w ON w.workspace_id = session.workspace_id AND w.to_hash = ${toHash} AND w.session_id = session.id
  WHERE session.workspace_id = ${workspaceId} AND ${among} AND ${isEligible} AND ${isSending(at)} AND ${mayWrite(at)})`;

/** True in SQL while this session is linked and should run. */
export const isLinked = (id: RawBuilder<unknown>) =>
  sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.id = ${id} AND ${isEligible})`;

/** The best session for a request, in any state; all columns are null if there is none. */
export type Candidate = {
  hasPool: 0 | 1;
  mayWrite: 0 | 1 | null;
  canOpenChat: 0 | 1 | null;
  fallback: PoolTable["fallback"] | null;
} & {
  [Column in "id" | "desired" | "state" | "phone"]: SessionTable[Column] | null;
};

interface Asked {
  route: Route;
  toHash?: string;
  at: number;
}

export function selectCandidate(db: Db, workspaceId: string, { route, toHash = "", at }: Asked) {
  const isKnownPool = route.poolId === undefined ? sql`1` : hasPool(workspaceId, route.poolId);
  return sql<Candidate>`SELECT ${isKnownPool} AS has_pool, c.* FROM (SELECT 1) LEFT JOIN (
      SELECT session.id, session.desired, session.state, session.phone, ${mayWrite(at)} AS may_write,
        ${canOpenChats(at)} AS can_open_chat, pool.fallback
      FROM session LEFT JOIN pool ON pool.id = session.pool_id
      LEFT JOIN warm_contact w ON w.workspace_id = session.workspace_id AND w.to_hash = ${toHash}
        AND w.session_id = session.id
      WHERE session.workspace_id = ${workspaceId} AND ${amongRoute(workspaceId, route)}
      ORDER BY ${isEligible} DESC, may_write DESC, session.desired = 'running' AND session.state <> 'ended' DESC,
        session.state = 'online' DESC LIMIT 1) c ON true`.compile(db.kysely);
}

/** True in SQL if the workspace has the session and the pool of a request. The sandbox checks nothing else of them. */
export function hasRoute(workspaceId: string, { sessionId, poolId }: Route): RawBuilder<boolean> {
  const hasSession = sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.id = ${sessionId ?? ""}
    AND session.workspace_id = ${workspaceId} AND session.desired <> 'deleted')`;
  return sql<boolean>`(${sessionId === undefined ? sql`true` : hasSession}
    AND ${poolId === undefined ? sql`true` : hasPool(workspaceId, poolId)})`;
}

/** The error for a request that names an unknown session or pool. */
export function noRoute(route: Route, found: Candidate | undefined): AppError | undefined {
  const { within = "" } = route;
  if (found?.hasPool === 0) return noPool(`${within}/poolId`);
  if (route.sessionId === undefined || (found?.id && found.desired !== "deleted")) return undefined;
  const errors = [{ pointer: `${within}/sessionId`, message: "is not a session of this workspace" }];
  return new AppError("session-not-found", { errors });
}

/** The error for a request without a sender; undefined if there is one. */
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
  const detail = "The session is not linked to a WhatsApp account yet: scan its QR code with the phone of the account.";
  return new AppError("no-eligible-session", { detail });
}

/** The same for a recipient that has no chat with a session. */
export function noOpener(route: Route, found: Candidate | undefined): AppError | undefined {
  const error = noSession(route, found);
  if (error || found?.mayWrite !== 0) return error;
  const account = route.sessionId === undefined ? "any account of the pool" : "the session's account";
  const why =
    found.canOpenChat === 1
      ? `The sender pool's \`newChatsPerDay\` does not allow ${account} to write to new recipients now`
      : `WhatsApp does not allow ${account} to open new chats now`;
  return new AppError("no-eligible-session", {
    detail: `${why}. Recipients who have a chat with it still get messages.`,
  });
}
