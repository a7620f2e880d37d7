import { AppError, type DesiredState, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import type { SessionTable } from "../db/schema.ts";
import { endQueuedMessages } from "../messages/end-queued.ts";
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
  const [changed] = await db.write([
    sql<SessionTable>`UPDATE session SET desired = ${desired}, revision = revision + 1,
        publish_after = ${at + firstPublishMs}, publish_count = 1
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' RETURNING *`.compile(db.kysely),
    ...(desired === "running" ? [] : endQueuedMessages(db, { sessionId: id, workspaceId, now: at })),
  ]);
  const row = changed.rows[0];
  if (!row) throw new AppError("session-not-found");
  publishSessionLater(services, row);
  return toSession(row);
}
