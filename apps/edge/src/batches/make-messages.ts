import { AppError, type ErrorCode, readAddress, sealedFor, sealedPayload } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import { idsOf } from "../jobs/append-job.ts";
import { publishSoon, selectJobs } from "../jobs/publish-soon.ts";
import { decide, pickedOf, takeVerdict } from "../messages/admission.ts";
import { attachStored } from "../messages/attach-media.ts";
import { warmChat } from "../messages/chats.ts";
import { insertMessage } from "../messages/insert-message.ts";
import { textJobs } from "../messages/jobs.ts";
import { type Recipient, toOf } from "../messages/recipient.ts";
import { countForRecipients } from "../messages/recipient-limits.ts";
import { type AskedOfRequest, askedOf, rulesOf } from "../messages/refusal.ts";
import { refuseInSandbox } from "../messages/sandbox.ts";
import { senderOf } from "../messages/sender-of.ts";
import { parsePhone } from "../phone.ts";
import { newId, type Services } from "../services.ts";
import { openItem, openMessage, type StoredContent } from "./items.ts";
import { actorOf, type OpenBatch } from "./open-batch.ts";
import { render, type Variables } from "./variables.ts";

interface Ready {
  position: number;
  id: string;
  content: StoredContent;
  metadata: Record<string, unknown> | undefined;
  sealed: string;
  asked: AskedOfRequest;
}

/** An item with all that its message needs, or the reason why it gets none. */
export type Prepared = Ready | { position: number; refusal: ErrorCode };

interface Given {
  item: { position: number; sealed: string };
  at: number;
}

/** Opens an item, and seals its message to the connector. */
export async function prepare(services: Services, batch: OpenBatch, { item, at }: Given): Promise<Prepared> {
  const { position } = item;
  const place = { workspaceId: batch.workspaceId, batchId: batch.id };
  const actor = actorOf(batch);
  const tenant = tenantOf(actor);
  try {
    const { to, variables, metadata, content: own } = await openItem(services, place, item);
    const content = own ?? rendered(await openMessage(services, place, batch.sealedMessage ?? ""), variables);
    const address = readAddress(to);
    const recipient: Recipient = address
      ? { address }
      : { phone: parsePhone(to, { pointer: "/to", isTest: tenant.test === 1 }) };
    refuseInSandbox(recipient.phone?.magic);
    const route = { sessionId: batch.sessionId ?? undefined, poolId: batch.poolId ?? undefined };
    const id = newId(services, "msg");
    const [sealed, asked] = await Promise.all([
      services.seal(sealedPayload(toOf(recipient), content), sealedFor.message(id, batch.workspaceId)),
      askedOf({ services, actor }, { tenant, recipient, route, quotedMessageId: undefined, at }),
    ]);
    return { position, id, content, metadata, sealed, asked };
  } catch (error) {
    if (error instanceof AppError) return { position, refusal: error.code };
    throw error;
  }
}

/** The content for one recipient. What is known of its file is not the caller's text. */
function rendered(message: StoredContent, variables: Variables): StoredContent {
  const { content } = render(message, variables);
  return "media" in message ? ({ ...content, media: message.media } as StoredContent) : content;
}

/**
 * Makes the messages in one transaction. A message and its item's end are one fact, so a recipient gets one message,
 * whatever is repeated. Answers the verdict about each item: null, or why it has no message.
 */
export async function makeMessages(
  services: Services,
  batch: OpenBatch,
  { prepared, at }: { prepared: readonly Prepared[]; at: number },
): Promise<Map<number, string | null | undefined>> {
  const { db } = services;
  const ready = prepared.filter((one): one is Ready => "asked" in one);
  if (ready.length === 0) return new Map();
  const tenant = tenantOf(actorOf(batch));
  const { workspaceId } = tenant;
  const sender = senderOf(tenant);
  const ids = ready.map(({ id }) => id);
  const which = sql<boolean>`message.id IN (${idsOf(ids)})`;
  const { items } = await db.write({
    items: ready.map((one) => statementsOf(services, batch, { one, at })),
    queued: sender.queue(db, workspaceId, textJobs, { which, at }),
    counted: sender.isLimited ? [countForRecipients(db, { which, at })] : [],
  });
  if (sender.isLimited) {
    const { rows } = await db.kysely.executeQuery(selectJobs(db, textJobs, idsOf(ids)));
    publishSoon(services, textJobs, rows);
  }
  return new Map(ready.map(({ position }, i) => [position, items[i]?.verdict.rows[0]?.verdict]));
}

/** Decides and stores one message. The batch must still run, and the item must still wait. */
function statementsOf({ db }: Services, batch: OpenBatch, { one, at }: { one: Ready; at: number }) {
  const { id, position, asked, content, metadata, sealed } = one;
  const { tenant, route, toHash, kept, hasChat } = asked;
  const { workspaceId } = tenant;
  const isFirst = sql<boolean>`EXISTS (SELECT 1 FROM batch_item i JOIN batch b ON b.id = i.batch_id
    WHERE i.batch_id = ${batch.id} AND i.position = ${position} AND i.state = 'waiting' AND b.status = 'running')`;
  const isStored = sql<boolean>`EXISTS (SELECT 1 FROM message WHERE id = ${id})`;
  const { lifetimeMs } = batch;
  const file =
    "media" in content
      ? attachStored(db, tenant, { mediaId: content.media.mediaId, at, sendAt: null, lifetimeMs, isStored })
      : { rules: [], writes: [] };
  const picked = senderOf(tenant).pick({ workspaceId, route, toHash, at });
  return {
    ...(hasChat && senderOf(tenant).isLimited && route.sessionId !== undefined
      ? { chat: warmChat(db, { workspaceId, sessionId: route.sessionId, toHash, at }) }
      : {}),
    decision: decide(db, { id, picked: pickedOf(picked), rules: [...rulesOf(asked, { isFirst }), ...file.rules] }),
    message: insertMessage(db, tenant, {
      id,
      route,
      kept,
      toHash,
      sealed,
      at,
      metadata,
      type: content.type,
      status: "queued",
      lifetimeMs,
      lane: "bulk",
      batchId: batch.id,
    }),
    file: file.writes,
    item: sql`UPDATE batch_item SET state = 'expanded', message_id = ${id}, sealed = NULL, code = NULL
      WHERE batch_id = ${batch.id} AND position = ${position} AND state = 'waiting'
        AND EXISTS (SELECT 1 FROM message WHERE id = ${id})`,
    verdict: takeVerdict(db, id),
  };
}
