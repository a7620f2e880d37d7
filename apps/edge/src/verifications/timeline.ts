import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { EventTable } from "../db/schema.ts";
import { iso } from "../time.ts";
import { seesAccounts } from "../auth/powers.ts";
import { findVerification } from "./repository.ts";
import { tenantOf } from "../auth/tenant.ts";

type EventRow = Pick<EventTable, "id" | "type" | "at" | "messageId" | "sessionId" | "data">;

const most = 500;

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
/** Later ends of such a verification, which only the other keys see. */
const laterEnds = new Set(
  ["expired", "canceled", "max_attempts_reached", "blocked"].map((status) => `verification.${status}`),
);

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
      WHERE verification_id = ${id} AND workspace_id = ${workspaceId} AND at <= ${seenAt} ORDER BY at, seq LIMIT ${most}`.compile(
      db.kysely,
    ),
  );
  const sees = seesAccounts(scopes);
  const hasEnded = sees && verification.isUnreachable === 1;
  const events = rows.flatMap((row) => {
    const data = JSON.parse(row.data) as Record<string, unknown>;
    const isOfNoAccount = data["reason"] === "not_on_whatsapp";
    const type = isOfNoAccount ? (sees ? typesWithLookup : typesWithoutLookup)[row.type] : row.type;
    if (type === undefined || (hasEnded && laterEnds.has(type))) return [];
    const { id: eventId, at, messageId, sessionId } = row;
    return [
      {
        id: eventId,
        type,
        at: iso(at),
        messageId,
        sessionId: sessionId === "" ? null : sessionId,
        data: isOfNoAccount && !sees ? {} : data,
      },
    ];
  });
  return { events };
}
