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
import { messageLife, moveMessages } from "../messages/life.ts";
import { moveVerifications } from "../verifications/life.ts";

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
      moveMessages(db, "fail", {
        which: sql`id = ${messageId} AND session_id = ${sessionId}`,
        at: now,
        set: sql`failure = ${event.reason}, no_account_at = ${event.reason === "not_on_whatsapp" ? now : null},
          tried = ${isOfAccount(event.reason) ? sql`json_set(tried, '$.' || session_id, ${event.reason})` : sql`tried`}`,
      }),
      ...(isOfAccount(event.reason) ? [switchToInbound(db, { messageId, now })] : []),
      moveVerifications(db, [{ name: "expire", when: sql`expires_at <= ${now}` }, { name: "giveUp" }], {
        which: sql`(mode = 'push' OR received_at IS NOT NULL)
          AND id = (SELECT verification_id FROM message WHERE id = ${messageId} AND status = 'failed'
            AND failure <> 'not_on_whatsapp')
          AND ${noMessageIsLeft}`,
        at: now,
      }),
    ];
  }
  if (type === "message.revoked") {
    return [moveMessages(db, "revoke", { which: sql`id = ${messageId} AND ${isOf(sessionId)}`, at: now })];
  }
  const name = receipts[type];
  const { stage } = messageLife[name];
  // A receipt may overtake the ones before it: it stands for them as well. And after a long outage the clock may have
  // given the message up before its receipt came.
  const reached = stages.slice(0, stages.indexOf(stage) + 1).map((each) => {
    const column = sql.ref(`${each}_at`);
    return sql`${column} = coalesce(${column}, ${at})`;
  });
  return [
    moveMessages(db, name, {
      which: sql`id = ${messageId} AND ${isOf(sessionId)}
        AND (status NOT IN ('failed', 'canceled') OR failure = 'expired' OR session_id <> ${sessionId})`,
      at: now,
      set: sql`${sql.join(reached)}, failure = NULL, no_account_at = NULL,
        session_id = CASE WHEN status = 'queued' THEN ${sessionId} ELSE session_id END`,
    }),
  ];
}

/** True in SQL of a message that this session has, or had: what it has sent it has sent, whoever was to send it since. */
const isOf = (sessionId: string) =>
  sql<boolean>`(session_id = ${sessionId} OR tried ->> ${`$.${sessionId}`} IS NOT NULL)`;

const receipts = { "message.sent": "send", "message.delivered": "deliver", "message.read": "read" } as const;
const stages = ["sent", "delivered", "read"] as const;
