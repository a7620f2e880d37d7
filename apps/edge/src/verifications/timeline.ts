import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { findVerification } from "./repository.ts";
import { tenantOf } from "../auth/tenant.ts";
import { type EventRow, mostEvents, shownEvents } from "../messages/timeline.ts";

/** The events of a verification and its messages, oldest first. */
export async function timelineOf(ctx: Context, id: string) {
  const { actor } = ctx;
  const { db, now } = ctx.services;
  const { workspaceId, scopes } = actor;
  const seenAt = now().getTime();
  const verification = await findVerification(db, tenantOf(actor), id, seenAt);
  if (!verification) throw new AppError("verification-not-found");
  const { rows } = await db.kysely.executeQuery(
    sql<EventRow>`SELECT id, type, at, message_id, session_id, data FROM event
      WHERE verification_id = ${id} AND workspace_id = ${workspaceId} AND at <= ${seenAt} ORDER BY at, seq LIMIT ${mostEvents}`.compile(
      db.kysely,
    ),
  );
  return { events: shownEvents(rows, { scopes, isUnreachable: verification.isUnreachable === 1 }) };
}
