import {
  AppError,
  type CreateMessage,
  type Message,
  type MessageType,
  sealedFor,
  sealedPayload,
} from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { type Accepted, type IdempotencyKey } from "../http/idempotency/create.ts";
import { traceparentOf } from "../jobs/publish-soon.ts";
import { newId } from "../services.ts";
import { createOnce } from "../writes/create-once.ts";
import { decide, pickedOf, takeVerdict } from "./admission.ts";
import { requireAudience } from "./audience.ts";
import { bringsMedia, hasFile, replayBeforeMedia, withMedia } from "./attach-media.ts";
import { withPreview } from "./link-preview.ts";
import { insertMessage } from "./insert-message.ts";
import { textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { warmChat } from "./chats.ts";
import { type MessageRow, toMessage } from "./present.ts";
import { type Recipient, toOf } from "./recipient.ts";
import { countForRecipients } from "./recipient-limits.ts";
import { askedOf, refusalOf, rulesOf } from "./refusal.ts";
import { selectMessage } from "./repository.ts";
import { refuseInSandbox } from "./sandbox.ts";
import { scheduleAt, timeOf } from "./schedule.ts";
import { senderOf } from "./sender-of.ts";

/** Another message of the same session, once more. */
type Forward = Pick<CreateMessage, "to" | "lane" | "expiresIn"> &
  Partial<
    Pick<CreateMessage, "sessionId" | "poolId" | "metadata" | "sendAt" | "dryRun" | "quotedMessageId" | "audience">
  > & {
    type: "forward";
    original: { id: string; type: MessageType };
  };

interface Input {
  body: CreateMessage | Forward;
  /** The body's recipient. */
  recipient: Recipient;
  idempotencyKey: IdempotencyKey | undefined;
}

/** Accepts a message: the row and the job that sends it are one fact. A scheduled message gets its job when it is due. */
export async function sendMessage(
  ctx: Context,
  { body, recipient, idempotencyKey }: Input,
): Promise<Accepted<Message>> {
  const { services, actor, trace } = ctx;
  const { db } = services;
  const { workspaceId, scopes } = actor;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  refuseInSandbox(recipient.phone?.magic);
  const sender = senderOf(tenant);
  const id = newId(services, "msg");
  const { sessionId, poolId, to: _, lane, metadata, expiresIn, sendAt: text, dryRun: _dryRun, ...given } = body;
  const content =
    given.type === "forward" ? { type: given.type, messageId: given.original.id } : await withPreview(services, given);
  const sendAt = timeOf(text, at);
  const lifetimeMs = expiresIn * 1000;
  const { quotedMessageId } = body;
  const isThis = sql<boolean>`message.id = ${id}`;
  const present = (row: MessageRow) => toMessage(row, { now: at, scopes });
  const find = (made: string) => selectMessage(db, tenant, made);
  const gone = "message-not-found";
  if (bringsMedia(content)) {
    const render = async (made: string) => {
      const row = await find(made).executeTakeFirst();
      if (!row) throw new AppError(gone);
      return present(row);
    };
    const replayed = await replayBeforeMedia(services, workspaceId, { idempotencyKey, at, render });
    if (replayed) return replayed;
  }
  const asking = askedOf(ctx, { tenant, recipient, route: { sessionId, poolId }, quotedMessageId, at });
  // A quote that is refused fetches no file.
  if (hasFile(content)) await asking;
  await requireAudience(ctx, body.audience);
  const message = {
    content,
    isFileOptional: given.type === "text" && given.linkPreview === true,
    at,
    sendAt,
    lifetimeMs,
    isStored: sql<boolean>`EXISTS (SELECT 1 FROM message WHERE ${isThis})`,
  };

  return withMedia(ctx, message, async (attached) => {
    const payload = sealedPayload(toOf(recipient), attached.content);
    const [sealed, asked] = await Promise.all([services.seal(payload, sealedFor.message(id, workspaceId)), asking]);
    const { route, toHash, kept, hasChat } = asked;
    return createOnce(services, workspaceId, {
      table: "message",
      id,
      at,
      idempotencyKey,
      find,
      writes: (isFirst) => ({
        ...(hasChat && sender.isLimited && route.sessionId !== undefined
          ? { chat: warmChat(db, { workspaceId, sessionId: route.sessionId, toHash, at }) }
          : {}),
        decision: decide(db, {
          id,
          picked: pickedOf(sender.pick({ workspaceId, route, toHash, at })),
          rules: [...rulesOf(asked, { isFirst, isCounted: sendAt === null }), ...attached.rules],
        }),
        message: insertMessage(db, tenant, {
          id,
          route,
          kept,
          toHash,
          type: given.type === "forward" ? given.original.type : given.type,
          isForwarded: given.type === "forward",
          sealed,
          status: sendAt === null ? "queued" : "scheduled",
          at,
          lifetimeMs,
          lane,
          metadata,
        }),
        queued:
          sendAt === null
            ? [
                sender.queue(db, workspaceId, textJobs, { which: isThis, at, traceparent: traceparentOf(trace) }),
                ...(sender.isLimited ? [countForRecipients(db, { which: isThis, at })] : []),
              ]
            : [scheduleAt(db, { which: isThis, sendAt, at })],
        used: attached.writes,
        verdict: takeVerdict(db, id),
      }),
      undo: () => {
        const which = sql<boolean>`id = ${id} AND workspace_id = ${workspaceId}`;
        return [moveMessages(db, "cancel", { which, at }), moveMessages(db, "unschedule", { which, at })];
      },
      refuse: (_facts, written) => refusalOf(services, written?.verdict.rows[0]?.verdict, asked),
      present,
      publish: (row) => {
        if (sendAt === null) sender.publish(services, textJobs, [{ ...row, publishCount: 1, trace }]);
      },
      gone,
    });
  });
}
