import type { Context } from "../context.ts";
import { withdrawIncidents } from "../alerts/incidents.ts";
import { AppError, type DesiredState, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { auditStatement } from "../audit/statement.ts";
import { isUnreachable } from "../db/failures.ts";
import type { SessionTable } from "../db/schema.ts";
import { writeAs } from "../writes/write-as.ts";
import { endQueuedMessages } from "../messages/queued.ts";
import { publishRerouted, rerouteWaiting } from "../messages/reroute.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { newId, type Services } from "../services.ts";
import { scoreOf } from "./health.ts";
import { sessionJobs } from "./jobs.ts";
import { findSession, toSession } from "./repository.ts";

type Changed = SessionTable & { score: number; isStored?: unknown };

interface Wish {
  id: string;
  /** What the audit log calls it. */
  action: `session.${string}`;
  desired: DesiredState;
  /** Nothing is changed when this is wanted already. */
  unless?: readonly DesiredState[];
}

/** Then nothing can be sent with it any more. */
const ending = new Set<DesiredState>(["logged_out", "deleted"]);

/**
 * Stores what is wanted of a session under a new revision and tells the connectors. With a logout or a deletion what
 * is still queued there fails, at once and not when it expires; what is queued for a stopped one waits.
 */
export async function changeSession(ctx: Context, { id, action, desired, unless = [] }: Wish): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const auditId = newId(services, "aud");
  const isStored = sql<boolean>`EXISTS (SELECT 1 FROM audit WHERE id = ${auditId})`;
  const [move, ...consequences] = rerouteWaiting(db, { sessionId: id, workspaceId, at });
  let row: Changed | undefined;
  try {
    const [changed, , , moved] = await writeAs(ctx, [
      sql<Changed>`UPDATE session SET desired = ${desired}, revision = revision + 1
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted'
          AND desired NOT IN (SELECT value FROM json_each(${JSON.stringify(unless)})) RETURNING *, ${scoreOf(at)} AS score`.compile(
        db.kysely,
      ),
      auditStatement(db, { id: auditId, workspaceId, actor: actor.by.id, action, target: id, at }),
      appendJob(db, sessionJobs, { which: sql`session.id = ${id} AND ${isStored}`, at }),
      move,
      ...consequences,
      ...(desired === "running" ? [] : [withdrawIncidents(db, { sessionId: id, workspaceId, now: at })]),
      ...(ending.has(desired) ? endQueuedMessages(db, { sessionId: id, workspaceId, now: at }) : []),
    ]);
    row = changed.rows[0];
    publishRerouted(services, moved.rows);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // Only the answer may have been lost: then the change has its entry in the audit log.
    row = await db.kysely
      .selectFrom("session")
      .selectAll()
      .select([scoreOf(at).as("score"), isStored.as("isStored")])
      .where("workspaceId", "=", workspaceId)
      .where("id", "=", id)
      .executeTakeFirst();
    if (row && row.isStored !== 1) throw error;
  }
  if (!row) return unchanged(services, workspaceId, { id, unless });
  publishSoon(services, sessionJobs, [{ ...row, publishCount: 1 }]);
  return toSession(row);
}

async function unchanged(
  { db, now }: Services,
  workspaceId: string,
  { id, unless = [] }: Pick<Wish, "id" | "unless">,
): Promise<Session> {
  const row = unless.length === 0 ? undefined : await findSession(db, workspaceId, { id, at: now().getTime() });
  if (!row) throw new AppError("session-not-found");
  return toSession(row);
}
