import { AppError, type Scope } from "@sandi/contracts";
import { sql } from "kysely";
import { seesAccounts } from "../auth/powers.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { EventTable } from "../db/tables/messages.ts";
import { iso } from "../time.ts";
import { findMessage } from "./repository.ts";

/** A row of a timeline. */
export type EventRow = Pick<EventTable, "id" | "type" | "at" | "messageId" | "sessionId" | "data">;

export const mostEvents = 500;

/** Events about a number without an account, as keys with `lookup:read` see them. Missing ones are hidden. */
const typesWithLookup: Record<string, string> = {
  "message.failed": "message.failed",
  "verification.undeliverable": "verification.undeliverable",
};
/** The same events as other keys see them. */
export const typesWithoutLookup: Record<string, string> = {
  "message.failed": "message.sent",
  "message.revoked": "message.revoked",
};

/** The events as a key with these scopes sees them. */
export function shownEvents(rows: readonly EventRow[], scopes: ReadonlySet<Scope>) {
  const sees = seesAccounts(scopes);
  return rows.flatMap(({ id, at, messageId, sessionId, ...row }) => {
    const data = JSON.parse(row.data) as Record<string, unknown>;
    const isOfNoAccount = data["reason"] === "not_on_whatsapp";
    const type = isOfNoAccount ? (sees ? typesWithLookup : typesWithoutLookup)[row.type] : row.type;
    if (type === undefined) return [];
    return [
      {
        id,
        type,
        at: iso(at),
        messageId,
        sessionId: sessionId === "" ? null : sessionId,
        data: isOfNoAccount && !sees ? {} : data,
      },
    ];
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
  return { events: shownEvents(rows, actor.scopes) };
}
