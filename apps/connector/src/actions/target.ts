import { fromProto } from "../content/content.ts";
import { isGroup } from "../content/jids.ts";
import type { ReceivedContent } from "../content/kind.ts";
import type { WireMessage } from "../content/wire.ts";
import type { MessageKey } from "../content/write-changes.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { InboundContext } from "../inbound/context.ts";
import { findKept, openSent } from "../inbound/kept-message.ts";
import type { Names } from "../store/conversations.ts";
import { findSentMessages, rank } from "../store/ledger.ts";
import { undecryptable } from "../store/messages.ts";

/** A message that the account does something with: a received one, or one that it sent. */
export interface Target {
  waId: string;
  /** The jid of its chat. */
  chat: string;
  /** The group's jid; null in a chat of two. */
  group: string | null;
  /** The jids of the other person of a chat of two: the phone number's first, if it is known. */
  names: string[];
  /** The author's jid; null: the account itself. */
  author: string | null;
  key: MessageKey;
  /** Null when it cannot be read. */
  content: ReceivedContent | null;
  /** As it was sent through the API; null when it was not, or is not kept. */
  message: WireMessage | null;
  secret: Uint8Array | null;
}

export interface TargetContext extends Pick<InboundContext, "store" | "atRest" | "conversations"> {
  deliveries: Pick<Deliveries, "chat">;
}

/** Finds a message of a session. Null when the connector has it no more, or not enough of it. */
export async function findTarget(context: TargetContext, sessionId: string, messageId: string): Promise<Target | null> {
  const [bySend, kept] = [await sent(context, sessionId, messageId), await received(context, sessionId, messageId)];
  if (!bySend || !kept) return bySend ?? kept;
  // The message itself is deleted earlier than what the chat keeps of it.
  return bySend.message ? bySend : { ...bySend, content: kept.content, secret: kept.secret };
}

async function received(context: TargetContext, sessionId: string, messageId: string) {
  const found = await findKept(context, sessionId, messageId);
  if (!found) return null;
  const { row, body } = found;
  const { author, conversationId } = row;
  const known = await context.conversations.find(sessionId, [conversationId, ...(author === null ? [] : [author])]);
  const place = known.get(conversationId)?.names;
  if (!place) return null;
  const { group, pn, lid } = place;
  const by = author === null ? null : (body.by ?? usualJid(known.get(author)?.names, group !== null));
  if (author !== null && by === null) return null;
  // In the form in which the person writes: WhatsApp refuses the other one for some people.
  const chat = group ?? by ?? pn ?? lid;
  if (chat === null) return null;
  return targetOf({
    waId: body.waId,
    chat,
    group,
    names: group === null ? [pn, lid].filter((jid) => jid !== null) : [],
    author: by,
    content: body.content.type === undecryptable ? null : body.content,
    message: null,
    secret: body.secret === null ? null : Buffer.from(body.secret, "base64"),
  });
}

async function sent(context: TargetContext, sessionId: string, messageId: string) {
  const [entry] = await findSentMessages(context.store, sessionId, [messageId]);
  if (!entry || entry.rank < rank.sent || entry.rank >= rank.revoked) return null;
  const chat = await context.deliveries.chat(entry);
  if (chat === null) return null;
  const message = await openSent(context, entry);
  const group = isGroup(chat) ? chat : null;
  return targetOf({
    waId: entry.waId,
    chat,
    group,
    names: group === null ? [chat] : [],
    author: null,
    content: message ? (fromProto(message)?.content ?? null) : null,
    message,
    secret: message?.messageContextInfo?.messageSecret ?? null,
  });
}

/** Groups name people by their LIDs, chats of two by phone number. */
const usualJid = (names: Names | undefined, isInGroup: boolean) =>
  (isInGroup ? (names?.lid ?? names?.pn) : (names?.pn ?? names?.lid)) ?? null;

function targetOf(found: Omit<Target, "key">): Target {
  const { waId, chat, group, author } = found;
  const key = { remoteJid: chat, fromMe: author === null, id: waId };
  return { ...found, key: group !== null && author !== null ? { ...key, participant: author } : key };
}
