import { AppError } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db, SessionTable } from "../db/schema.ts";

/** The session that sends, in SQL: the one asked for, else an online one, else any that is linked and has not ended. */
export function pickSession(workspaceId: string, sessionId: string | undefined): RawBuilder<unknown> {
  return sql`(SELECT id FROM session WHERE workspace_id = ${workspaceId} AND ${isEligible}
    AND (${sessionId ?? null} IS NULL OR id = ${sessionId ?? null}) ORDER BY state = 'online' DESC, id LIMIT 1)`;
}

/** A session without a number was never linked, or not again: what it is given could only expire. */
const isEligible = sql<boolean>`(desired = 'running' AND state <> 'ended' AND phone IS NOT NULL)`;

/** True in SQL while this session can be written to, or can send. */
export const isLinked = (id: RawBuilder<unknown>) =>
  sql<boolean>`EXISTS (SELECT 1 FROM session WHERE session.id = ${id} AND ${isEligible})`;

/** Why `pickSession` found none. */
export function noSession(
  asked: string | undefined,
  found: Pick<SessionTable, "desired" | "state" | "phone"> | undefined,
): AppError | undefined {
  if (asked !== undefined) {
    if (!found || found.desired === "deleted") return new AppError("session-not-found");
    if (found.desired !== "running" || found.state === "ended") {
      return new AppError("session-ended", { detail: "Restart the session and link it again." });
    }
  }
  if (found?.desired === "running" && found.state !== "ended") {
    if (found.phone !== null) return undefined;
    const detail =
      "The session is not linked to a WhatsApp account yet: scan its QR code with the phone that is to send.";
    return new AppError("no-eligible-session", { detail });
  }
  return new AppError("no-eligible-session", { detail: "Create a session and link a WhatsApp account first." });
}

/** The session asked for, or the best one, whatever its state. */
export function selectCandidate(db: Db, workspaceId: string, sessionId: string | undefined) {
  const query = db.kysely
    .selectFrom("session")
    .select(["id", "desired", "state", "phone"])
    .where("workspaceId", "=", workspaceId)
    .orderBy(isEligible, "desc")
    .orderBy(sql`desired = 'running' AND state <> 'ended'`, "desc")
    .limit(1);
  return sessionId === undefined ? query : query.where("id", "=", sessionId);
}
