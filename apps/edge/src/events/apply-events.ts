import { accountFailures, type ConnectorEvent, type FailureReason } from "@sandi/contracts";
import { parseTraceparent } from "@sandi/tracing";
import { type CompiledQuery, type QueryResult, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { type Moves, type Rerouted, publishRerouted, rerouteFailed, rerouteWaiting } from "../messages/reroute.ts";
import { publishQueuedNow, noMessageIsLeft } from "../messages/queued.ts";
import type { Services } from "../services.ts";
import { publishReplies, readReceived } from "./received.ts";
import { heardStatements, sessionStatements } from "./session-statements.ts";
import { alertJobs, type AlertToPublish } from "../alerts/jobs.ts";
import { deleteDoneJobs } from "../jobs/delete-jobs.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { sendJobs } from "../messages/jobs.ts";
import { tellIncidents } from "../alerts/tell.ts";
import { switchToInbound } from "../verifications/switch-to-inbound.ts";
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
  const moves = new Set<CompiledQuery>();
  const changes = events.flatMap((event) => {
    if (event.type === "message.received") return received.get(event)?.statements ?? [];
    const move = moveFor(db, event, at);
    if (move) moves.add(move[0]);
    // Before what would fail it, and behind what tells that its session cannot send.
    const own = statementsFor(db, event, at);
    return event.type === "message.failed" ? [...(move ?? []), ...own] : [...own, ...(move ?? [])];
  });
  const messageIds = events.flatMap((event) => ("messageId" in event ? [event.messageId] : []));
  const statements = [
    ...changes,
    ...heardStatements(db, events),
    ...(messageIds.length === 0 ? [] : [deleteDoneJobs(db, sendJobs, { ids: messageIds, at })]),
  ];
  const subjects = events.flatMap((event) => (event.type.startsWith("session.") ? [event.sessionId] : []));
  const results =
    subjects.length === 0 ? await db.write(statements) : await writeAndTell(services, statements, subjects);
  const moved = results.flatMap(({ rows }, i) => (moves.has(statements[i]!) ? (rows as Rerouted[]) : []));
  publishRerouted(services, moved);
  for (const span of spans) span?.end();
  await publishReplies(services, [...received.values()]);
}

/** What the triggers have opened and closed is to be told from the same transaction on. */
async function writeAndTell(services: Services, statements: CompiledQuery[], subjects: string[]) {
  const { db, now } = services;
  const telling = tellIncidents(db, { now: now().getTime(), subjects });
  const results = await db.write([...statements, ...telling]);
  publishSoon(services, alertJobs, (results.at(-telling.length) as QueryResult<AlertToPublish>).rows);
  return results;
}

/** The trace of a message goes on with what became of it. */
function spanOf({ tracer }: Services, event: ConnectorEvent) {
  const parent = "traceparent" in event ? parseTraceparent(event.traceparent) : undefined;
  if (!parent || !("messageId" in event)) return undefined;
  const attributes = { "sandi.message.id": event.messageId, "sandi.session.id": event.sessionId };
  return tracer.start(`event ${event.type}`, { parent, kind: "consumer", attributes });
}

/** What lets messages go to another sender of their pool. */
function moveFor(db: Db, event: ConnectorEvent, at: number): Moves | undefined {
  const { sessionId } = event;
  if (event.type === "message.failed") {
    const { messageId, reason } = event;
    return isOfAccount(reason) ? rerouteFailed(db, { messageId, sessionId, reason, at }) : undefined;
  }
  const isOff =
    (event.type === "session.state" && ["waiting", "ended", "stopped"].includes(event.state)) ||
    (event.type === "session.limits" && event.pausedUntil !== null);
  return isOff ? rerouteWaiting(db, { sessionId, at }) : undefined;
}

const isOfAccount = (reason: FailureReason) => (accountFailures as readonly FailureReason[]).includes(reason);

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
      ...(event.state === "online" ? [publishQueuedNow(db, { sessionId, now })] : []),
    ];
  }
  if (type === "session.limits" || type === "session.proxy") return sessionStatements(db, event);
  const { messageId } = event;
  if (type === "message.failed") {
    return [
      sql`UPDATE message SET status = 'failed', failure = ${event.reason}, sealed = NULL, updated_at = ${now},
          no_account_at = ${event.reason === "not_on_whatsapp" ? now : null},
          tried = ${isOfAccount(event.reason) ? sql`json_set(tried, '$.' || session_id, ${event.reason})` : sql`tried`}
        WHERE id = ${messageId} AND session_id = ${sessionId} AND status IN ('queued', 'sending')`.compile(db.kysely),
      ...(isOfAccount(event.reason) ? [switchToInbound(db, { messageId, now })] : []),
      sql`UPDATE verification SET status = CASE WHEN expires_at <= ${now} THEN 'expired' ELSE 'undeliverable' END,
          ${withoutSecrets}, updated_at = ${now}
        WHERE status = 'pending' AND (mode = 'push' OR received_at IS NOT NULL)
          AND id = (SELECT verification_id FROM message WHERE id = ${messageId} AND status = 'failed'
            AND failure <> 'not_on_whatsapp')
          AND ${noMessageIsLeft}`.compile(db.kysely),
    ];
  }
  if (type === "message.revoked") {
    return [
      sql`UPDATE message SET status = 'revoked', sealed = NULL, updated_at = ${now}
        WHERE id = ${messageId} AND ${isOf(sessionId)} AND status IN ('sending', 'sent', 'delivered')`.compile(
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
        failure = NULL, no_account_at = NULL, sealed = NULL, updated_at = ${now},
        session_id = CASE WHEN status = 'queued' THEN ${sessionId} ELSE session_id END
      WHERE id = ${messageId} AND ${isOf(sessionId)} AND status <> 'revoked'
        AND (status NOT IN ('failed', 'canceled') OR failure = 'expired' OR session_id <> ${sessionId})`.compile(
      db.kysely,
    ),
  ];
}

/** True in SQL of a message that this session has, or had: what it has sent it has sent, whoever was to send it since. */
const isOf = (sessionId: string) =>
  sql<boolean>`(session_id = ${sessionId} OR tried ->> ${`$.${sessionId}`} IS NOT NULL)`;

const ranks = {
  "message.sent": { status: "sent", rank: 2 },
  "message.delivered": { status: "delivered", rank: 3 },
  "message.read": { status: "read", rank: 4 },
} as const;

const rankOfStatus = sql`CASE status WHEN 'sent' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 ELSE 1 END`;
