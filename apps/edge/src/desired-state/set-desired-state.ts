import type { Context } from "../context.ts";
import { withdrawIncidents } from "../alerts/incidents.ts";
import { AppError, type DesiredState, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { SessionTable } from "../db/schema.ts";
import { commitAs } from "../writes/commit-as.ts";
import { endQueuedMessages } from "../messages/queued.ts";
import { publishRerouted, rerouteWaiting } from "../messages/reroute.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import type { Services } from "../services.ts";
import { scoreOf } from "../sessions/sender-score.ts";
import { sessionJobs } from "../sessions/jobs.ts";
import { findSession, toSession } from "../sessions/repository.ts";

interface DesiredStateChange {
  id: string;
  /** The action in the audit log. */
  action: `session.${string}`;
  desired: DesiredState;
  /** Nothing is changed if the desired state is already one of these. */
  unless?: readonly DesiredState[];
}

/** Desired states in which the session can never send its queued messages. */
const ending = new Set<DesiredState>(["logged_out", "deleted"]);

/**
 * Stores the desired state of a session under a new revision and publishes it to the connectors. Queued messages of a
 * logged-out or deleted session fail at once. Queued messages of a stopped session wait.
 */
export async function setDesiredState(
  ctx: Context,
  { id, action, desired, unless = [] }: DesiredStateChange,
): Promise<Session> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const of = sql`id = ${id} AND workspace_id = ${workspaceId}`;
  const committed = await commitAs(ctx, {
    requires: sql`EXISTS (SELECT 1 FROM session WHERE ${of} AND desired <> 'deleted'
      AND desired NOT IN (SELECT value FROM json_each(${JSON.stringify(unless)})))`,
    writes: {
      changed: sql`UPDATE session SET desired = ${desired}, revision = revision + 1 WHERE ${of}`,
      audit: audited(ctx, { action, target: id, at }),
      job: appendJob(db, sessionJobs, { which: sql`session.id = ${id}`, at }),
      rerouted: rerouteWaiting(db, { sessionId: id, workspaceId, at }),
      withdrawn: desired === "running" ? [] : withdrawIncidents(db, { sessionId: id, workspaceId, now: at }),
      ended: ending.has(desired) ? endQueuedMessages(db, { sessionId: id, workspaceId, now: at }) : [],
    },
    reads: { row: sql<SessionTable & { score: number }>`SELECT *, ${scoreOf(at)} AS score FROM session WHERE ${of}` },
  });
  const row = committed?.row[0];
  if (!row) return unchanged(services, workspaceId, { id, unless });
  publishSoon(services, sessionJobs, [{ ...row, publishCount: 1 }]);
  if (committed.written) publishRerouted(services, committed.written.rerouted.moved.rows);
  return toSession(row);
}

async function unchanged(
  { db, now }: Services,
  workspaceId: string,
  { id, unless = [] }: Pick<DesiredStateChange, "id" | "unless">,
): Promise<Session> {
  const row = unless.length === 0 ? undefined : await findSession(db, workspaceId, { id, at: now().getTime() });
  if (!row) throw new AppError("session-not-found");
  return toSession(row);
}
