import { AppError, type Scope } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { EventTable } from "../db/tables/messages.ts";
import { iso } from "../time.ts";
import { findMessage } from "./repository.ts";
import { shownEvent } from "./shown-events.ts";

/** A row of a timeline. */
export type EventRow = Pick<EventTable, "id" | "type" | "at" | "messageId" | "sessionId" | "data">;

export const mostEvents = 500;

/** The events as a reader with these scopes sees them. */
export function shownEvents(
  rows: readonly EventRow[],
  viewer: { scopes: ReadonlySet<Scope>; isUnreachable?: boolean },
) {
  return rows.flatMap(({ id, at, messageId, sessionId, ...row }) => {
    const shown = shownEvent(row, viewer);
    if (!shown) return [];
    const { type, data } = shown;
    return [{ id, type, at: iso(at), messageId, sessionId: sessionId === "" ? null : sessionId, data }];
  });
}

/** The events of a message, oldest first. */
export async function messageTimeline({ services: { db, now }, actor }: Context, id: string) {
  const seenAt = now().getTime();
  const row = await findMessage(db, tenantOf(actor), id, seenAt);
  if (!row) throw new AppError("message-not-found");
  const { rows } = await db.kysely.executeQuery(
    sql<EventRow>`SELECT id, type, at, message_id, session_id, data FROM event
      WHERE message_id = ${id} AND verification_id IS NULL AND workspace_id = ${actor.workspaceId} AND at <= ${seenAt}
      ORDER BY at, seq LIMIT ${mostEvents}`.compile(db.kysely),
  );
  return { events: shownEvents(rows, actor) };
}
