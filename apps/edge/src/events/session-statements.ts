import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import { limitIncidents, proxyIncidents, stateIncidents } from "../alerts/session-incidents.ts";
import type { Db } from "../db/schema.ts";
import { masked } from "../phone.ts";
import { linkAccount } from "./link-account.ts";

/** Length of a slot in `session_figure`; the triggers that count use the same length. */
export const slotMs = 600_000;

type SessionEvent = Extract<ConnectorEvent, { type: `session.${string}` }>;

const timeOf = (text: string | null | undefined) => (text ? new Date(text).getTime() : null);

/**
 * The statements of a session's event. Only the newest event of each type is applied. Incidents compare the event with the
 * stored session, so their statements run before the change. Triggers write the history.
 */
// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
export function sessionStatements(db: Db, event: SessionEvent): CompiledQuery[] {
  const { kysely } = db;
  const { sessionId: id, seq } = event;
  const at = new Date(event.at).getTime();
  switch (event.type) {
    case "session.state": {
      const isNewest = sql<boolean>`id = ${id} AND state_seq < ${seq}`;
      return [
        ...(event.phone === null ? [] : linkAccount(db, { ...event, phone: event.phone }, at)),
        ...stateIncidents(db, event, {
          isNews: sql`${isNewest} AND (state IS NOT ${event.state} OR reason IS NOT ${event.reason})`,
          at,
        }),
        sql`UPDATE session SET since = CASE WHEN state = ${event.state} THEN coalesce(since, created_at) ELSE ${at} END,
            state = ${event.state}, reason = ${event.reason}, ${linkOf(event.phone, at)}, attempts = ${event.attempts},
            next_attempt_at = ${timeOf(event.nextAttemptAt)}, state_seq = ${seq},
            acked_revision = max(acked_revision, ${event.revision}), updated_at = ${at}
          WHERE ${isNewest}`.compile(kysely),
        sql`DELETE FROM session WHERE id = ${id} AND desired = 'deleted' AND acked_revision >= revision`.compile(
          kysely,
        ),
      ];
    }
    case "session.limits": {
      const isNewest = sql<boolean>`id = ${id} AND limits_seq < ${seq} AND linked_at <= ${at}`;
      const { newChatsLockedUntil, newChats, pausedUntil } = event;
      return [
        ...limitIncidents(db, event, { isNews: isNewest, at }),
        sql`UPDATE session SET new_chats_locked_until = ${timeOf(newChatsLockedUntil)},
            new_chats_total = ${newChats?.total ?? null}, new_chats_used = ${newChats?.used ?? null},
            new_chats_reset_at = ${timeOf(newChats?.resetsAt)}, paused_until = ${timeOf(pausedUntil)},
            limits_seq = ${seq}, limits_at = ${at}
          WHERE ${isNewest}`.compile(kysely),
      ];
    }
    case "session.proxy": {
      const isHealthy = event.isHealthy ? 1 : 0;
      const isNewest = sql<boolean>`id = ${id} AND proxy_seq < ${seq} AND proxy IS NOT NULL`;
      return [
        ...proxyIncidents(db, event.isHealthy, { isNews: sql`${isNewest} AND proxy_healthy IS NOT ${isHealthy}`, at }),
        sql`UPDATE session SET proxy_healthy = ${isHealthy}, proxy_seq = ${seq}, proxy_at = ${at}
          WHERE ${isNewest}`.compile(kysely),
      ];
    }
  }
}

/** In SET: an unlinked session keeps its last account. */
function linkOf(phone: string | null, at: number) {
  if (phone === null) return sql`phone = NULL`;
  return sql`phone = ${phone}, account = ${phone}, account_masked = ${masked(phone)},
    linked_at = CASE WHEN account IS ${phone} THEN linked_at ELSE ${at} END`;
}

/** Stores when WhatsApp last reported something about a message to each session of a batch. */
export function heardStatements({ kysely }: Db, events: readonly ConnectorEvent[]): CompiledQuery[] {
  const heard = new Map<string, number>();
  for (const { type, sessionId, at } of events) {
    if (!type.startsWith("message.") || type === "message.failed" || type === "message.media") continue;
    heard.set(sessionId, Math.max(heard.get(sessionId) ?? 0, new Date(at).getTime()));
  }
  return [...heard].map(([id, at]) =>
    sql`INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at)
      SELECT workspace_id, id, 'heard', ${Math.floor(at / slotMs) * slotMs}, 1, ${at} FROM session WHERE id = ${id}
      ON CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at)`.compile(kysely),
  );
}
