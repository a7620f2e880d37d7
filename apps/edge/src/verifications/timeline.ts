import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { seesAccounts } from "../auth/powers.ts";
import { findVerification } from "./repository.ts";
import { tenantOf } from "../auth/tenant.ts";
import { type EventRow, mostEvents, shownEvents } from "../messages/timeline.ts";

/** Later ends of a verification without an account, which only keys without `lookup:read` see. */
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
      WHERE verification_id = ${id} AND workspace_id = ${workspaceId} AND at <= ${seenAt} ORDER BY at, seq LIMIT ${mostEvents}`.compile(
      db.kysely,
    ),
  );
  const hasEnded = seesAccounts(scopes) && verification.isUnreachable === 1;
  return { events: shownEvents(rows, scopes).filter(({ type }) => !(hasEnded && laterEnds.has(type))) };
}
