import type { proto } from "@whiskeysockets/baileys";
import type { SealedPayload } from "@sandi/contracts";
import type { WireMessage } from "./wire.ts";

/** A message that another one quotes. */
export interface Quote {
  /** WhatsApp's id. */
  waId: string;
  /** The jid of its author. */
  author: string;
  /** Null when it is deleted already: the quote then has an empty text. */
  message: WireMessage | null;
}

/** What surrounds a message of any kind. */
export interface MessageContext {
  quote: Quote | null;
  mentions: SealedPayload["mentions"];
}

/** The message in this context. In the protocol, the context lies inside the part that holds the message. */
export function inContext(message: WireMessage, { quote, mentions }: MessageContext): WireMessage {
  if (!quote && mentions === undefined) return message;
  const contextInfo: proto.IContextInfo = {
    ...(quote && { stanzaId: quote.waId, participant: quote.author, quotedMessage: quoted(quote.message) }),
    ...(mentions === "all" ? { nonJidMentions: 1 } : mentions && { mentionedJid: mentions.map(jidOf) }),
  };
  return Object.fromEntries(Object.entries(message).map(([name, part]) => [name, { ...part, contextInfo }]));
}

/** The message as somebody forwards it: without its secret, and without what it quotes and whom it names. */
export function forwarded(message: WireMessage, forwardings: number): WireMessage {
  const { messageContextInfo: _, conversation, ...parts } = message;
  const contextInfo: proto.IContextInfo = { isForwarded: true, forwardingScore: forwardings + 1 };
  if (conversation) return { extendedTextMessage: { text: conversation, contextInfo } };
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, { ...(part as object), contextInfo }]));
}

/** What a quote shows: the message without its secret, and without what it quotes itself. */
function quoted(message: WireMessage | null): WireMessage {
  if (!message) return { conversation: "" };
  const { messageContextInfo: _, ...content } = message;
  return Object.fromEntries(
    Object.entries(content).map(([name, part]) => [
      name,
      typeof part === "object" && part ? { ...part, contextInfo: null } : part,
    ]),
  );
}

/** The message with other digits where its text names people, such as those of hidden ids in a group. */
export function renamed(message: WireMessage, digits: ReadonlyMap<string, string>): WireMessage {
  if (digits.size === 0) return message;
  const inText = (text: string) =>
    text.replaceAll(/@(\d{5,20})/g, (_, known: string) => `@${digits.get(known) ?? known}`);
  const inPart = (part: unknown) =>
    typeof part === "object" && part
      ? Object.fromEntries(
          Object.entries(part).map(([name, value]) => [
            name,
            (name === "text" || name === "caption") && typeof value === "string" ? inText(value) : (value as unknown),
          ]),
        )
      : part;
  return Object.fromEntries(Object.entries(message).map(([name, part]) => [name, inPart(part)]));
}

/** The jid of a mentioned person: a number in E.164 form, or a jid already. */
export const jidOf = (person: string) => (person.startsWith("+") ? `${person.slice(1)}@s.whatsapp.net` : person);

/** What a received message says beside its content. */
export interface ReceivedContext {
  /** Somebody else wrote the content. */
  isForwarded: boolean;
  /** How often it was forwarded, as its sender says. */
  forwardings: number;
  /** The quoted message: WhatsApp's id and the jid of its author, as the sender names them. */
  quoted: { waId: string; author: string | null } | null;
  /** The jids of the people that it names. */
  mentions: "all" | string[];
}

/** Reads the context of a message's part. */
export function readContext(part: unknown): ReceivedContext {
  const context: proto.IContextInfo =
    typeof part === "object" && part && "contextInfo" in part ? (part.contextInfo ?? {}) : {};
  const { stanzaId, participant, isForwarded, forwardingScore, mentionedJid, nonJidMentions } = context;
  return {
    isForwarded: isForwarded === true || (forwardingScore ?? 0) > 0,
    forwardings: Math.max(forwardingScore ?? 0, isForwarded === true ? 1 : 0),
    quoted: stanzaId ? { waId: stanzaId, author: participant || null } : null,
    mentions: nonJidMentions ? "all" : (mentionedJid ?? []),
  };
}
