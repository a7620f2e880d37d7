import { createId, type ListedMessage, type ListMessagesRpc, timeOfId } from "@sandi/contracts";
import type { z } from "zod";
import { findMessagePage } from "../store/message-pages.ts";
import { positionOf } from "../store/messages.ts";
import { searchTokens } from "./message-words.ts";
import { openMessages, type ReadParts, withMarks } from "./read-messages.ts";

/** Sorts after every position. */
const end = "~";
const positionAt = (time: string) => positionOf(createId("msg", new Date(time), new Uint8Array(10)));

/** A page of a session's messages, newest first. */
export async function listMessages(
  parts: ReadParts,
  { sessionId, q, direction, createdAfter, createdBefore, cursor = end, limit, ...asked }: ListMessages,
): Promise<z.output<typeof ListMessagesRpc.response>> {
  const created = createdBefore === undefined ? end : positionAt(createdBefore);
  const { rows, continueAt } = await findMessagePage(parts.store.client, sessionId, {
    chatId: asked.chatId,
    tokens: q === undefined ? null : searchTokens(parts.pseudonym, sessionId, q),
    isInbound: direction && direction === "inbound",
    type: asked.type,
    from: createdAfter === undefined ? "" : positionAt(createdAfter),
    before: created < cursor ? created : cursor,
    limit: limit + 1,
  });
  const shown = rows.slice(0, limit);
  const hasMore = rows.length > limit;
  const opened = await openMessages(parts, sessionId, shown);
  const stored = new Map((await withMarks(parts, sessionId, opened)).map((one) => [one.id, one]));
  return {
    messages: shown.map((row, i): ListedMessage => ({
      ...stored.get(row.id)!,
      chatId: row.conversationId,
      direction: row.author === null ? "outbound" : "inbound",
      origin: row.origin,
      type: row.type,
      isForwarded: opened[i]!.isForwarded,
      isRevoked: row.revokedAt !== null,
      at: timeOfId(`msg_${row.position}`).toISOString(),
    })),
    nextCursor: hasMore ? shown.at(-1)!.position : continueAt,
    isComplete: hasMore || continueAt === null,
  };
}

type ListMessages = z.output<typeof ListMessagesRpc.request>;
