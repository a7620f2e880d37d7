import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { masked } from "../phone.ts";
import { moveVerifications } from "../verifications/life.ts";

/** Length of a slot in `session_figure`; the triggers that count use the same length. */
export const slotMs = 600_000;

type SessionEvent = Extract<ConnectorEvent, { type: `session.${string}` }>;

const timeOf = (text: string | null | undefined) => (text ? new Date(text).getTime() : null);

/** The statements of a session's event. Only the newest event of each type is applied. Triggers write the history. */
// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
export function sessionStatements(db: Db, event: SessionEvent): CompiledQuery[] {
  const { kysely } = db;
  const { sessionId: id, seq } = event;
  const at = new Date(event.at).getTime();
  switch (event.type) {
    case "session.state":
      return [
        ...(event.phone === null ? [] : [endInbound(db, { ...event, phone: event.phone }, at)]),
        sql`UPDATE session SET since = CASE WHEN state = ${event.state} THEN coalesce(since, created_at) ELSE ${at} END,
            state = ${event.state}, reason = ${event.reason}, ${linkOf(event.phone, at)}, attempts = ${event.attempts},
            next_attempt_at = ${timeOf(event.nextAttemptAt)}, state_seq = ${seq},
            acked_revision = max(acked_revision, ${event.revision}), updated_at = ${at}
          WHERE id = ${id} AND state_seq < ${seq}`.compile(kysely),
        sql`DELETE FROM session WHERE id = ${id} AND desired = 'deleted' AND acked_revision >= revision`.compile(
          kysely,
        ),
      ];
    case "session.limits": {
      const { newChatsLockedUntil, newChats, pausedUntil } = event;
      return [
        sql`UPDATE session SET new_chats_locked_until = ${timeOf(newChatsLockedUntil)},
            new_chats_total = ${newChats?.total ?? null}, new_chats_used = ${newChats?.used ?? null},
            new_chats_reset_at = ${timeOf(newChats?.resetsAt)}, paused_until = ${timeOf(pausedUntil)},
            limits_seq = ${seq}, limits_at = ${at}
          WHERE id = ${id} AND limits_seq < ${seq} AND linked_at <= ${at}`.compile(kysely),
      ];
    }
    case "session.proxy":
      return [
        sql`UPDATE session SET proxy_healthy = ${event.isHealthy ? 1 : 0}, proxy_seq = ${seq}, proxy_at = ${at}
          WHERE id = ${id} AND proxy_seq < ${seq} AND proxy IS NOT NULL`.compile(kysely),
      ];
  }
}

/** Another account is about to be linked: pending inbound verifications link to the number of the former account. */
function endInbound(db: Db, { sessionId, seq, phone }: { sessionId: string; seq: number; phone: string }, at: number) {
  return moveVerifications(db, [{ name: "expire", when: sql`expires_at <= ${at}` }, { name: "giveUp" }], {
    which: sql`workspace_id = (SELECT workspace_id FROM session WHERE id = ${sessionId} AND state_seq < ${seq}
        AND account IS NOT ${phone})
      AND session_id = ${sessionId} AND mode = 'inbound' AND received_at IS NULL AND test = 0`,
    at: sql`max(updated_at, ${at})`,
  });
}

/** In SET: an unlinked session keeps its last account. For another account, a trigger deletes the former account's rows. */
function linkOf(phone: string | null, at: number) {
  if (phone === null) return sql`phone = NULL`;
  return sql`phone = ${phone}, account = ${phone}, account_masked = ${masked(phone)},
    linked_at = CASE WHEN account IS ${phone} THEN linked_at ELSE ${at} END`;
}

/** Stores when WhatsApp last reported something about a message to each session of a batch. */
export function heardStatements({ kysely }: Db, events: readonly ConnectorEvent[]): CompiledQuery[] {
  const heard = new Map<string, number>();
  for (const { type, sessionId, at } of events) {
    if (!type.startsWith("message.") || type === "message.failed") continue;
    heard.set(sessionId, Math.max(heard.get(sessionId) ?? 0, new Date(at).getTime()));
  }
  return [...heard].map(([id, at]) =>
    sql`INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at)
      SELECT workspace_id, id, 'heard', ${Math.floor(at / slotMs) * slotMs}, 1, ${at} FROM session WHERE id = ${id}
      ON CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at)`.compile(kysely),
  );
}
