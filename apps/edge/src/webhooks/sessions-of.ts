import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { idsOf } from "../jobs/append-job.ts";

/** Throws `session-not-found` if a filter names a session that the workspace does not have. */
export async function refuseUnknownSessions(
  { services: { db }, actor }: Context,
  sessionIds: readonly string[] | null | undefined,
): Promise<void> {
  if (!sessionIds) return;
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM session WHERE workspace_id = ${actor.workspaceId}
      AND id IN (${idsOf(sessionIds)})`.compile(db.kysely),
  );
  const known = new Set(rows.map(({ id }) => id));
  const index = sessionIds.findIndex((id) => !known.has(id));
  if (index < 0) return;
  const errors = [{ pointer: `/sessionIds/${index}`, message: "is not a session of this workspace" }];
  throw new AppError("session-not-found", { errors });
}
