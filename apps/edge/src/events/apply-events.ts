import {
  accountFailures,
  claimsBeforeRetry,
  type ConnectorEvent,
  type EventsAnswer,
  type FailureReason,
} from "@sandi/contracts";
import { parseTraceparent } from "@sandi/tracing";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { publishRerouted, type Reroute, rerouteFailed, rerouteWaiting } from "../messages/reroute.ts";
import { publishQueuedNow, noMessageIsLeft } from "../messages/queued.ts";
import type { Services } from "../services.ts";
import { deleteContentsOf, type SealedContent, sealContent } from "../messages/event-contents.ts";
import { contentMsOfRow, policiesOf } from "./content-ms.ts";
import { publishReplies, readReceived } from "./received.ts";
import { applyReceipts, isOf, joinReceipts } from "./receipts.ts";
import { heardStatements, sessionStatements } from "./session-statements.ts";
import { type Workspace, workspacesOf } from "./workspaces-of.ts";
import { deleteDoneJobs } from "../jobs/delete-jobs.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { sendJobs } from "../messages/jobs.ts";
import { scheduleDeliveries } from "../alerts/schedule-deliveries.ts";
import { deliveryJobs } from "../outbound/delivery.ts";
import { workspacesOfSessions } from "../webhooks/fan-out.ts";
import { showNewEvents } from "../webhooks/new-events.ts";
import { switchToInbound } from "../verifications/switch-to-inbound.ts";
import { deleteReceivedFile } from "../media/repository.ts";
import { mergeChats } from "../messages/merge-chats.ts";
import { keptForRetry, moveMessages } from "../messages/life.ts";
import { noteChange } from "../messages/received.ts";
import { moveVerifications } from "../verifications/life.ts";

/**
 * Applies the events of connectors, in order, in one batch. Statuses only move forward, so an event that comes twice,
 * late, or about an unknown row changes nothing. Answers how long sessions that received or sent messages keep contents.
 */
export async function applyEvents(services: Services, events: readonly ConnectorEvent[]): Promise<EventsAnswer> {
  const { db, now } = services;
  const at = now().getTime();
  const spans = events.map((event) => spanOf(services, event));
  const workspaces = await workspacesOf(services, events);
  const contents = await sealContents(services, events, { workspaces, at });
  const received = await readReceived(services, events, { workspaces, contents, at });
  const messageIds = events.flatMap((event) => ("messageId" in event ? [event.messageId] : []));
  const subjects = events.flatMap((event) => (event.type.startsWith("session.") ? [event.sessionId] : []));
  const senders = events.flatMap((event) => (event.type === "message.sent" && event.chatId ? [event.sessionId] : []));
  const { changes, alerts, policies, written } = await db.write({
    changes: joinReceipts(events).map((event) =>
      event.type === "message.received"
        ? { own: received.get(event)?.statements ?? [] }
        : changesOf(db, event, { content: event.type === "receipts" ? undefined : contents.get(event), at }),
    ),
    heard: heardStatements(db, events),
    done: messageIds.length === 0 ? [] : deleteDoneJobs(db, sendJobs, { ids: messageIds, at }),
    // In the transaction that opens and closes the incidents.
    alerts: subjects.length === 0 ? [] : [scheduleDeliveries(db, { now: at, subjects })],
    // No codes are among them.
    policies: senders.length === 0 ? [] : [policiesOf(db, senders)],
    written: workspacesOfSessions(
      db,
      events.map(({ sessionId }) => sessionId),
    ),
  });
  publishSoon(
    services,
    deliveryJobs,
    alerts.flatMap(({ deliveries }) => deliveries.rows),
  );
  publishRerouted(
    services,
    changes.flatMap((change) => ("rerouted" in change ? change.rerouted.flatMap(({ moved }) => moved.rows) : [])),
  );
  showNewEvents(
    services,
    written.rows.map(({ workspaceId, isBehind }) => ({ workspaceId, isBehind: isBehind === 1 })),
  );
  for (const span of spans) span?.end();
  await publishReplies(services, [...received.values()]);
  const kept = [
    ...policies.flatMap(({ rows }) => rows).map((row) => [row.id, contentMsOfRow(row)] as const),
    ...[...received.values()].flatMap(({ sessionId, contentMs }) =>
      contentMs === undefined ? [] : [[sessionId, contentMs] as const],
    ),
  ];
  return { applied: events.length, ...(kept.length > 0 && { contentMs: Object.fromEntries(kept) }) };
}

/** The statements of an event, in their order. */
function changesOf(db: Db, event: OwnEvent, { content, at }: { content: SealedContent | undefined; at: number }) {
  const rerouted = moveFor(db, event, at);
  const own = statementsFor(db, event, { content, now: at });
  // Reroute before the statement that would fail the message, but after the one that takes the session offline.
  return event.type === "message.failed" ? { rerouted, own } : { own, rerouted };
}

/** The contents of events that their workspaces keep, sealed. */
async function sealContents(
  services: Services,
  events: readonly ConnectorEvent[],
  { workspaces, at }: { workspaces: ReadonlyMap<string, Workspace>; at: number },
): Promise<ReadonlyMap<ConnectorEvent, SealedContent>> {
  const sealed = await Promise.all(
    events.map(async (event) => {
      const { workspaceId, contentMs = null } = workspaces.get(event.sessionId) ?? {};
      const content =
        workspaceId === undefined || contentMs === null
          ? undefined
          : await sealContent(services, event, { workspaceId, contentMs, at });
      return content === undefined ? [] : [[event, content] as const];
    }),
  );
  return new Map(sealed.flat());
}

/** A span in the trace of the message. */
function spanOf({ tracer }: Services, event: ConnectorEvent) {
  const parent = "traceparent" in event ? parseTraceparent(event.traceparent) : undefined;
  if (!parent || !("messageId" in event)) return undefined;
  const attributes = { "sandi.message.id": event.messageId, "sandi.session.id": event.sessionId };
  return tracer.start(`event ${event.type}`, { parent, kind: "consumer", attributes });
}

type OwnEvent = Exclude<ReturnType<typeof joinReceipts>[number], { type: "message.received" }>;

/** Moves messages to another sender of their pool when this sender cannot send them. */
function moveFor(db: Db, event: OwnEvent, at: number): Reroute[] {
  const { sessionId } = event;
  if (event.type === "message.failed") {
    const { messageId, reason } = event;
    return isOfAccount(reason) ? [rerouteFailed(db, { messageId, sessionId, reason, at })] : [];
  }
  const isOff =
    (event.type === "session.state" && ["waiting", "ended", "stopped"].includes(event.state)) ||
    (event.type === "session.limits" && event.pausedUntil !== null);
  return isOff ? [rerouteWaiting(db, { sessionId, at })] : [];
}

const isOfAccount = (reason: FailureReason) => (accountFailures as readonly FailureReason[]).includes(reason);

function statementsFor(
  db: Db,
  event: OwnEvent,
  { content, now }: { content: SealedContent | undefined; now: number },
): CompiledQuery[] {
  if (event.type === "receipts") return applyReceipts(db, event, now);
  const { sessionId, type } = event;
  if (type === "session.state") {
    return [
      ...sessionStatements(db, event),
      // Messages that waited for the session are published now, without their next wait.
      ...(event.state === "online" ? [publishQueuedNow(db, { sessionId, now })] : []),
    ];
  }
  if (type === "session.limits" || type === "session.proxy") return sessionStatements(db, event);
  if (type === "chat.merged") return mergeChats(db, event);
  const { messageId } = event;
  if (type === "message.failed") {
    const passes = claimsBeforeRetry[event.reason] !== null;
    return [
      moveMessages(db, passes ? "failForNow" : "fail", {
        which: sql`id = ${messageId} AND session_id = ${sessionId}`,
        at: now,
        set: sql`${passes ? sql`${keptForRetry(event.reason)},` : sql``} failure = ${event.reason}, no_account_at = ${event.reason === "not_on_whatsapp" ? now : null},
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
  if (type === "message.media" && event.mediaState !== "stored" && event.mediaId !== null)
    return [deleteReceivedFile(db, { sessionId, messageId })];
  if (type === "message.deleted")
    return [
      ...noteChange(db, event),
      deleteReceivedFile(db, { sessionId, messageId }),
      deleteContentsOf(db, messageId, isOf(sessionId)),
    ];
  if (type !== "message.revoked") return noteChange(db, event, content);
  return [
    moveMessages(db, "revoke", { which: sql`id = ${messageId} AND ${isOf(sessionId)}`, at: now }),
    deleteReceivedFile(db, { sessionId, messageId }),
    deleteContentsOf(db, messageId, isOf(sessionId)),
  ];
}
