import { type SenderLimits, type Session, SessionProxy, sessionReasons } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { SessionTable } from "../db/tables/sessions.ts";
import { scoreOf } from "./sender-score.ts";
import { iso, isoOrNull } from "../time.ts";

const columns = [
  "id",
  "name",
  "desired",
  "state",
  "reason",
  "since",
  "attempts",
  "nextAttemptAt",
  "phone",
  "account",
  "linkedAt",
  "poolId",
  "limitsAt",
  "newChatsLockedUntil",
  "newChatsTotal",
  "newChatsUsed",
  "newChatsResetAt",
  "pausedUntil",
  "proxy",
  "proxyHealthy",
  "mediaDownload",
  "createdAt",
  "updatedAt",
] as const;

export type SessionRow = Pick<SessionTable, (typeof columns)[number]> & { score: number };

/** The row of a deleted session is hidden, and stays until its connector confirms the deletion. */
export function selectSessions(db: Db, workspaceId: string, at: number) {
  return db.kysely
    .selectFrom("session")
    .select(columns)
    .select(scoreOf(at).as("score"))
    .where("workspaceId", "=", workspaceId)
    .where("desired", "<>", "deleted");
}

export function findSession(
  db: Db,
  workspaceId: string,
  { id, at }: { id: string; at: number },
): Promise<SessionRow | undefined> {
  return selectSessions(db, workspaceId, at).where("id", "=", id).executeTakeFirst();
}

export function toSession(row: SessionRow): Session {
  const { id, name, state, reason, phone, attempts } = row;
  return {
    id,
    name,
    desired: row.desired === "running" ? "running" : "stopped",
    state,
    reason,
    detail: reason && sessionReasons[reason],
    since: iso(row.since ?? row.createdAt),
    attempts,
    nextAttemptAt: isoOrNull(row.nextAttemptAt),
    phone,
    lastPhone: row.account,
    linkedAt: row.linkedAt === 0 ? null : iso(row.linkedAt),
    poolId: row.poolId,
    settings: { mediaDownload: row.mediaDownload ?? "all" },
    score: row.score,
    limits: row.limitsAt === null ? null : toLimits(row),
    proxy: toProxy(row),
    updatedAt: iso(row.updatedAt),
  };
}

type LimitColumns = Pick<
  SessionTable,
  "newChatsLockedUntil" | "newChatsTotal" | "newChatsUsed" | "newChatsResetAt" | "pausedUntil"
>;

export function toLimits(row: LimitColumns): SenderLimits {
  const { newChatsTotal: total } = row;
  return {
    newChatsLockedUntil: isoOrNull(row.newChatsLockedUntil),
    newChats: total === null ? null : { total, used: row.newChatsUsed ?? 0, resetsAt: isoOrNull(row.newChatsResetAt) },
    pausedUntil: isoOrNull(row.pausedUntil),
  };
}

export function toProxy({ proxy, proxyHealthy }: Pick<SessionTable, "proxy" | "proxyHealthy">): SessionProxy | null {
  if (proxy === null) return null;
  const isHealthy = proxyHealthy === null ? null : proxyHealthy === 1;
  return SessionProxy.parse({ ...(JSON.parse(proxy) as object), isHealthy });
}
