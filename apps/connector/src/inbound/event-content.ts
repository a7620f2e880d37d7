import type { EventContent } from "@sandi/contracts";
import { mediaDownloadOf } from "../store/downloads.ts";
import type { Conversation } from "../store/conversations.ts";
import { undecryptable } from "../store/messages.ts";
import type { ReceivedOrSent } from "./received-or-sent.ts";
import type { InboundContext, MessageBody } from "./context.ts";
import { withDownload } from "./message-media.ts";
import { personIn } from "./read-messages.ts";

/** What an event adds to the message that it changes. */
export type ChangeContent = Omit<NonNullable<EventContent["change"]>, "from">;

/** The content of the event of a received message; null for one that cannot be read yet. */
export async function receivedContent(
  { store }: Pick<InboundContext, "store">,
  sessionId: string,
  { body, author }: { body: MessageBody; author: Conversation | null },
): Promise<EventContent | null> {
  if (body.content.type === undecryptable) return null;
  const isFetched = body.file !== undefined && (await mediaDownloadOf(store, sessionId)) === "all";
  const download = { state: isFetched ? "pending" : "not_fetched", mediaId: null, attempts: 0 } as const;
  const { quotedMessageId } = body;
  return { message: { content: withDownload(body, download), from: author && personIn(author), quotedMessageId } };
}

/** The content of the event of a change; null when the message is a code, or the change says nothing. */
export function changeContent(
  { row, sent }: Pick<ReceivedOrSent, "row" | "sent">,
  actor: Conversation | null,
  change: ChangeContent | undefined,
): EventContent | null {
  // Neither in a chat nor a story.
  const isCode = row === null && (sent?.conversationId ?? sent?.members ?? null) === null;
  return isCode || !change ? null : { change: { from: actor && personIn(actor), ...change } };
}
