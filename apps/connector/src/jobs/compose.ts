import { chatIdOf } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { SendingGroup } from "../baileys/group-sends.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { inContext, jidOf, type Quote, renamed } from "../content/context.ts";
import { isGroup, isLid } from "../content/jids.ts";
import { type SentFile, wrapped } from "../content/media.ts";
import { quotedWire } from "../content/quoted.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import { findKept } from "../inbound/kept-message.ts";
import type { LiveSession } from "../session/live.ts";
import type { Conversation, Conversations } from "../store/conversations.ts";
import type { Store } from "../store/store.ts";
import type { OpenedMessage } from "./open-message.ts";

interface Kept {
  deliveries: Pick<Deliveries, "message">;
  store: Pick<Store, "client">;
  atRest: (sessionId: string) => AtRest;
  conversations: Pick<Conversations, "find">;
  live: Pick<LiveSession, "fence">;
  socket: Pick<WhatsAppSocket, "ownJid">;
  /** The jid of the recipient, who alone is shown a kept message. */
  chat: string;
  /** The recipient's other jid: the quoted message may have gone there. */
  other: string | null;
  conversation: Conversation | null;
}

/** A quote of a message of this chat; without its content when that is deleted, or when the message is of another chat. */
export async function findQuote(kept: Kept, messageId: string): Promise<Quote> {
  const received = await findReceived(kept, messageId);
  if (received) return received;
  const waId = whatsappId(messageId);
  return { waId, author: kept.socket.ownJid(kept.chat), message: await findEarlier(kept, waId) };
}

async function findReceived(kept: Kept, messageId: string): Promise<Quote | null> {
  const { conversations, live, socket, chat, conversation } = kept;
  const { sessionId } = live.fence;
  const found = await findKept(kept, sessionId, messageId);
  if (!found) return null;
  const { row, body } = found;
  const people = await conversations.find(sessionId, [
    row.conversationId,
    ...(row.author === null ? [] : [row.author]),
  ]);
  const author = row.author === null ? null : people.get(row.author);
  const { waId, content } = body;
  return {
    waId,
    author: author ? (nameIn(author, chat) ?? "") : socket.ownJid(chat),
    message: people.get(row.conversationId)?.id === conversation?.id ? quotedWire(content) : null,
  };
}

/** How a chat names a person: groups and chats of hidden ids by LID. */
function nameIn({ names: { pn, lid } }: Conversation, chat: string): string | null {
  return isGroup(chat) || isLid(chat) ? (lid ?? pn) : (pn ?? lid);
}

/** The message of an earlier attempt, which may have arrived: votes and edits are encrypted with its secret. */
export async function findEarlier(
  { deliveries, live, chat, other }: Pick<Kept, "deliveries" | "live" | "chat" | "other">,
  waId: string,
): Promise<WireMessage | null> {
  const person = other === null ? [chat] : [chat, other];
  const bytes = await deliveries.message(live.fence.sessionId, waId, person);
  return bytes && decode(bytes);
}

interface Mentioning {
  conversations: Pick<Conversations, "find">;
  sessionId: string;
  chat: string;
  group: SendingGroup | null;
}

/** The jids of mentioned people, as the chat names them, and what the digits in the text become. */
export async function findMentions(
  { conversations, sessionId, chat, group }: Mentioning,
  mentions: OpenedMessage["around"]["mentions"],
): Promise<{ mentions: typeof mentions; digits: Map<string, string> }> {
  const digits = new Map<string, string>();
  if (!Array.isArray(mentions)) return { mentions, digits };
  const ids = mentions.filter((one) => one.startsWith("per_")).map((one) => chatIdOf(one));
  const people = ids.length === 0 ? new Map<string, Conversation>() : await conversations.find(sessionId, ids);
  const named = mentions.map((one) => {
    const person = people.get(chatIdOf(one));
    const given = person ? (nameIn(person, chat) ?? one) : jidOf(one);
    const jid = group?.nameOf(given) ?? given;
    if (jid !== given) digits.set(given.split("@")[0]!, jid.split("@")[0]!);
    return jid;
  });
  // A person whom the session does not know is not mentioned.
  return { mentions: named.filter((jid) => jid.includes("@")), digits };
}

interface Around {
  /** The file, which lies at WhatsApp already; null for a kind without one. */
  file: SentFile | null;
  /** The message that this one forwards; null for one with a content of its own. */
  forwarded: WireMessage | null;
  /** Of its link preview. */
  picture: Uint8Array | null;
  quote: Quote | null;
  mentioned: Awaited<ReturnType<typeof findMentions>>;
  messageSecret: Uint8Array;
}

/** The message as WhatsApp is sent it; null when it cannot be made. */
export function compose(
  { write }: Pick<OpenedMessage, "write">,
  { file, forwarded, picture, quote, mentioned: { mentions, digits }, messageSecret }: Around,
): WireMessage | null {
  if (forwarded) return { ...forwarded, messageContextInfo: { messageSecret } };
  const written = write(file, picture);
  const message = written && renamed(written, digits);
  return message && { ...wrapped(inContext(message, { quote, mentions })), messageContextInfo: { messageSecret } };
}
