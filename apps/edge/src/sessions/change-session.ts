import { AppError, type DesiredState, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { isUnreachable } from "../db/failures.ts";
import type { SessionTable } from "../db/schema.ts";
import { endQueuedMessages } from "../messages/queued.ts";
import { firstPublishMs } from "../messages/publish.ts";
import type { Services } from "../services.ts";
import { publishSessionLater } from "./publish.ts";
import { toSession } from "./repository.ts";

interface Wish {
  id: string;
  desired: Exclude<DesiredState, "stopped">;
}

/**
 * Stores what is wanted of a session under a new revision and tells the connectors. With a logout or a deletion what
 * is still queued there fails, at once and not when it expires.
 */
export async function changeSession(services: Services, workspaceId: string, { id, desired }: Wish): Promise<Session> {
  const { db } = services;
  const at = services.now().getTime();
  const publishAfter = at + firstPublishMs;
  let row: SessionTable | undefined;
  try {
    const [changed] = await db.write([
      sql<SessionTable>`UPDATE session SET desired = ${desired}, revision = revision + 1,
          publish_after = ${publishAfter}, publish_count = 1
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' RETURNING *`.compile(db.kysely),
      ...(desired === "running" ? [] : endQueuedMessages(db, { sessionId: id, workspaceId, now: at })),
    ]);
    row = changed.rows[0];
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // Only the answer may have been lost: then the row has this wish with this very time.
    row = await db.kysely
      .selectFrom("session")
      .selectAll()
      .where("workspaceId", "=", workspaceId)
      .where("id", "=", id)
      .executeTakeFirst();
    if (row && (row.desired !== desired || row.publishAfter !== publishAfter)) throw error;
  }
  if (!row) throw new AppError("session-not-found");
  publishSessionLater(services, row);
  return toSession(row);
}
