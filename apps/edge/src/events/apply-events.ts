import type { ConnectorEvent } from "@sandi/contracts";
import { parseTraceparent } from "@sandi/tracing";
import { type CompiledQuery, type QueryResult, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { hurryQueuedMessages, noMessageIsLeft } from "../messages/queued.ts";
import type { Services } from "../services.ts";
import { publishReplies, readReceived } from "./received.ts";
import { heardStatements, sessionStatements } from "./session-statements.ts";
import { type AlertToPublish, publishAlerts } from "../alerts/publish.ts";
import { tellIncidents } from "../alerts/tell.ts";
import { withoutSecrets } from "../verifications/secrets.ts";

/**
 * Stores what connectors have learned, in order, in one batch. Every statement moves forward only, so that an event
 * that comes twice, late or about something unknown changes nothing.
 */
export async function applyEvents(services: Services, events: readonly ConnectorEvent[]): Promise<void> {
  const { db, now } = services;
  const at = now().getTime();
  const spans = events.map((event) => spanOf(services, event));
  const received = await readReceived(services, events, at);
  const statements = [
    ...events.flatMap((event) =>
      event.type === "message.received" ? (received.get(event)?.statements ?? []) : statementsFor(db, event, at),
    ),
    ...heardStatements(db, events),
  ];
  const subjects = events.flatMap((event) => (event.type.startsWith("session.") ? [event.sessionId] : []));
  if (subjects.length === 0) await db.write(statements);
  else await writeAndTell(services, statements, subjects);
  for (const span of spans) span?.end();
  await publishReplies(services, [...received.values()]);
}

/** What the triggers have opened and closed is to be told from the same transaction on. */
async function writeAndTell(services: Services, statements: CompiledQuery[], subjects: string[]): Promise<void> {
  const { db, now } = services;
  const telling = tellIncidents(db, { now: now().getTime(), subjects });
  const results = await db.write([...statements, telling]);
  publishAlerts(services, (results.at(-1) as QueryResult<AlertToPublish>).rows);
}

/** The trace of a message goes on with what became of it. */
function spanOf({ tracer }: Services, event: ConnectorEvent) {
  const parent = "traceparent" in event ? parseTraceparent(event.traceparent) : undefined;
  if (!parent || !("messageId" in event)) return undefined;
  const attributes = { "sandi.message.id": event.messageId, "sandi.session.id": event.sessionId };
  return tracer.start(`event ${event.type}`, { parent, kind: "consumer", attributes });
}

function statementsFor(
  db: Db,
  event: Exclude<ConnectorEvent, { type: "message.received" }>,
  now: number,
): CompiledQuery[] {
  const { sessionId, type } = event;
  const at = new Date(event.at).getTime();
  if (type === "session.state") {
    return [
      ...sessionStatements(db, event),
      // What has waited for the session need not wait for its turn as well.
      ...(event.state === "online" ? [hurryQueuedMessages(db, { sessionId, now })] : []),
    ];
  }
  if (type === "session.limits" || type === "session.proxy") return sessionStatements(db, event);
  const { messageId } = event;
  if (type === "message.failed") {
    return [
      sql`UPDATE message SET status = 'failed', failure = ${event.reason}, sealed = NULL, updated_at = ${now}
        WHERE id = ${messageId} AND session_id = ${sessionId} AND status IN ('queued', 'sending')`.compile(db.kysely),
      sql`UPDATE verification SET status = CASE WHEN expires_at <= ${now} THEN 'expired' ELSE 'undeliverable' END,
          ${withoutSecrets}, updated_at = ${now}
        WHERE status = 'pending'
          AND id = (SELECT verification_id FROM message WHERE id = ${messageId} AND status = 'failed'
            AND failure <> 'not_on_whatsapp')
          AND ${noMessageIsLeft}`.compile(db.kysely),
    ];
  }
  if (type === "message.revoked") {
    return [
      sql`UPDATE message SET status = 'revoked', sealed = NULL, revoke_until = NULL, updated_at = ${now}
        WHERE id = ${messageId} AND session_id = ${sessionId} AND status IN ('sending', 'sent', 'delivered')`.compile(
        db.kysely,
      ),
    ];
  }
  const next = ranks[event.type];
  // A receipt may overtake what came before it: it tells that as well. And what a phone has, it has: after a long outage
  // the clock may have given the message up before we heard of it.
  return [
    sql`UPDATE message SET
        status = CASE WHEN ${rankOfStatus} < ${next.rank} THEN ${next.status} ELSE status END,
        sent_at = coalesce(sent_at, ${at}),
        delivered_at = coalesce(delivered_at, ${next.rank >= ranks["message.delivered"].rank ? at : null}),
        read_at = coalesce(read_at, ${next.rank >= ranks["message.read"].rank ? at : null}),
        failure = NULL, sealed = NULL, updated_at = ${now},
        revoke_until = ${next.rank >= ranks["message.read"].rank ? null : sql.ref("revoke_until")}
      WHERE id = ${messageId} AND session_id = ${sessionId} AND status <> 'revoked'
        AND (status NOT IN ('failed', 'canceled') OR failure = 'expired')`.compile(db.kysely),
  ];
}

const ranks = {
  "message.sent": { status: "sent", rank: 2 },
  "message.delivered": { status: "delivered", rank: 3 },
  "message.read": { status: "read", rank: 4 },
} as const;

const rankOfStatus = sql`CASE status WHEN 'sent' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 ELSE 1 END`;
