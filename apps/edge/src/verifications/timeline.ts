import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { EventTable, KnownKey } from "../db/schema.ts";
import { iso } from "../messages/present.ts";
import type { Services } from "../services.ts";
import { findVerification } from "./repository.ts";
import { tenantOf } from "../keys/tenant.ts";

type EventRow = Pick<EventTable, "id" | "type" | "at" | "messageId" | "sessionId" | "data">;

const most = 500;

/** What has happened to a verification and its messages, oldest first. */
export async function timelineOf({ db, now }: Services, key: KnownKey, id: string) {
  const { workspaceId, scopes } = key;
  const verification = await findVerification(db, tenantOf(key), id, now().getTime());
  if (!verification) throw new AppError("verification-not-found");
  const { rows } = await db.kysely.executeQuery(
    sql<EventRow>`SELECT id, type, at, message_id, session_id, data FROM event
      WHERE verification_id = ${id} AND workspace_id = ${workspaceId} ORDER BY at, seq LIMIT ${most}`.compile(
      db.kysely,
    ),
  );
  const events = rows.map(({ id: eventId, type, at, messageId, sessionId, data }) => ({
    id: eventId,
    type,
    at: iso(at),
    messageId,
    sessionId: sessionId === "" ? null : sessionId,
    data: JSON.parse(data) as Record<string, unknown>,
  }));
  // Who has a WhatsApp account is told to keys with `lookup:read` only.
  const isTold = ({ data }: { data: Record<string, unknown> }) =>
    data["reason"] !== "not_on_whatsapp" || scopes.has("lookup:read");
  return { events: events.filter(isTold) };
}
