import { AppError } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db, SessionTable } from "../db/schema.ts";

/** The session that sends, in SQL: the one asked for, else an online one, else any that has not ended. */
export function pickSession(workspaceId: string, sessionId: string | undefined): RawBuilder<unknown> {
  return sql`(SELECT id FROM session WHERE workspace_id = ${workspaceId} AND desired = 'running' AND state <> 'ended'
    AND (${sessionId ?? null} IS NULL OR id = ${sessionId ?? null}) ORDER BY state = 'online' DESC, id LIMIT 1)`;
}

/** Why `pickSession` found none. */
export function noSession(
  asked: string | undefined,
  found: Pick<SessionTable, "desired" | "state"> | undefined,
): AppError | undefined {
  const usable = found !== undefined && found.desired === "running" && found.state !== "ended";
  if (usable) return undefined;
  if (asked === undefined) return new AppError("no-eligible-session", { detail: "Link a WhatsApp account first." });
  if (!found || found.desired === "deleted") return new AppError("session-not-found");
  return new AppError("session-ended", { detail: "Restart the session and link it again." });
}

/** The session asked for, or the best one, whatever its state. */
export function selectCandidate(db: Db, workspaceId: string, sessionId: string | undefined) {
  const query = db.kysely
    .selectFrom("session")
    .select(["id", "desired", "state"])
    .where("workspaceId", "=", workspaceId)
    .orderBy(sql`desired = 'running' AND state <> 'ended'`, "desc")
    .limit(1);
  return sessionId === undefined ? query : query.where("id", "=", sessionId);
}
