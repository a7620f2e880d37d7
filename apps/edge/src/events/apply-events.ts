import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Services } from "../services.ts";

/**
 * Stores what connectors have learned, in order, in one batch. Every statement moves forward only, so that an event
 * that comes twice, late or about something unknown changes nothing.
 */
export async function applyEvents({ db, now }: Services, events: readonly ConnectorEvent[]): Promise<void> {
  const at = now().getTime();
  await db.write(events.flatMap((event) => statementsFor(db, event, at)));
}

function statementsFor(db: Db, event: ConnectorEvent, now: number): CompiledQuery[] {
  const { sessionId, type } = event;
  const at = new Date(event.at).getTime();
  switch (type) {
    case "message.sent":
    case "message.delivered":
    case "message.read": {
      const isDelivered = type !== "message.sent";
      const isRead = type === "message.read";
      const next = type.slice("message.".length);
      const behind = { "message.sent": 2, "message.delivered": 3, "message.read": 4 }[type];
      // A receipt may overtake what came before it: it tells that as well.
      return [
        sql`UPDATE message SET
            status = CASE WHEN ${rank} < ${behind + 1} THEN ${next} ELSE status END,
            sent_at = coalesce(sent_at, ${at}),
            delivered_at = CASE WHEN ${isDelivered ? 1 : 0} THEN coalesce(delivered_at, ${at}) ELSE delivered_at END,
            read_at = CASE WHEN ${isRead ? 1 : 0} THEN coalesce(read_at, ${at}) ELSE read_at END,
            sealed = NULL, updated_at = ${now}
          WHERE id = ${event.messageId} AND session_id = ${sessionId} AND status NOT IN ('failed', 'canceled')`.compile(
          db.kysely,
        ),
      ];
    }
    case "message.failed":
      return [
        sql`UPDATE message SET status = 'failed', failure = ${event.reason}, sealed = NULL, updated_at = ${now}
          WHERE id = ${event.messageId} AND session_id = ${sessionId} AND status IN ('queued', 'sending')`.compile(
          db.kysely,
        ),
        sql`UPDATE verification SET status = CASE WHEN expires_at <= ${now} THEN 'expired' ELSE 'undeliverable' END,
            code_mac = NULL, sealed_code = NULL, updated_at = ${now}
          WHERE message_id = ${event.messageId} AND status = 'pending'
            AND id = (SELECT verification_id FROM message WHERE id = ${event.messageId} AND status = 'failed')`.compile(
          db.kysely,
        ),
      ];
    case "session.state":
      return [
        sql`UPDATE session SET state = ${event.state}, reason = ${event.reason}, phone = ${event.phone},
            state_seq = ${event.seq}, acked_revision = max(acked_revision, ${event.revision}), updated_at = ${at}
          WHERE id = ${sessionId} AND state_seq < ${event.seq}`.compile(db.kysely),
        sql`DELETE FROM session WHERE id = ${sessionId} AND desired = 'deleted' AND acked_revision >= revision`.compile(
          db.kysely,
        ),
      ];
  }
}

const rank = sql`CASE status WHEN 'queued' THEN 1 WHEN 'sending' THEN 2 WHEN 'sent' THEN 3 WHEN 'delivered' THEN 4 ELSE 5 END`;
