import {
  type ListedMessage,
  ListMessagesRpc,
  type SearchSessionMessages,
  type SessionMessageList,
} from "@sandi/contracts";
import type { Context } from "../context.ts";
import { requireSession } from "../gateway/gateway.ts";
import { ask } from "../sessions/connector.ts";
import { withFiles } from "./message-media.ts";
import { type MessageRow, toMessage } from "./present.ts";
import { findMessagesOf } from "./repository.ts";
import { withStored } from "./with-content.ts";

/** A page of a session's messages: the connector has the list, and the edge the rest of each message. */
export async function listSessionMessages(
  ctx: Context,
  sessionId: string,
  query: SearchSessionMessages,
): Promise<SessionMessageList> {
  const { services, actor } = ctx;
  await requireSession(ctx, sessionId);
  const { messages, ...page } = await ask(services, ListMessagesRpc, { sessionId, ...query });
  const ids = messages.map(({ id }) => id);
  const rows = await findMessagesOf(services.db, { workspaceId: actor.workspaceId, sessionId, ids });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const viewer = { now: services.now().getTime(), scopes: actor.scopes };
  const shown = messages.map((one) => {
    const message = toMessage(byId.get(one.id) ?? withoutRow(one, sessionId), viewer);
    return withStored(ctx, { ...message, chatId: one.chatId }, one);
  });
  return { ...page, messages: await withFiles(ctx, shown) };
}

/** A message whose event has not arrived yet, or whose row is older than the edge keeps rows. */
function withoutRow(message: ListedMessage, sessionId: string): MessageRow {
  const at = Date.parse(message.at);
  const { id, type, origin, chatId, direction, isRevoked, isForwarded } = message;
  const isInbound = direction === "inbound";
  return {
    id,
    sessionId,
    type,
    chatId,
    direction: isInbound ? "inbound" : null,
    origin: origin === "api" ? null : origin,
    status: isRevoked ? "revoked" : isInbound ? "received" : "sent",
    isForwarded: isForwarded ? 1 : 0,
    createdAt: at,
    sentAt: at,
    messageUpdatedAt: at,
    expiresAt: at,
    ...unknown,
  };
}

/** What only rows have. */
const unknown = {
  toMasked: "",
  fromMasked: null,
  personId: null,
  failure: null,
  deliveredAt: null,
  readAt: null,
  playedAt: null,
  noAccountAt: null,
  lane: null,
  pacing: null,
  metadata: null,
  sendAt: null,
  queuedAt: null,
  batchId: null,
  editedAt: null,
  deletedAt: null,
  isViewOnce: null,
  isOffline: null,
};
