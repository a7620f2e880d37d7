import type { proto } from "@whiskeysockets/baileys";
import type { Content } from "./kind.ts";

/** What surrounds a message of any kind. */
export interface Context {
  /** Somebody else wrote it. */
  forwarded?: true;
  /** The receiver opens it once, on the phone alone. */
  isViewOnce?: true;
  /** The message that it replies to; the text is empty when the sender had it no more. */
  quoted?: { id: string; from: string | null; text: string };
  /** The first message of the album that it belongs to. */
  albumId?: string;
  /** The people that it names, E.164 or raw jids; `all`: everybody in the chat. */
  mentions?: "all" | string[];
}

/** The E.164 number of a jid, or the jid itself. */
export type NameOf = (jid: string) => string;

type ContextInfo = proto.IContextInfo;

/** The context of a content: in the protocol it lies inside the part that holds the message. */
export function readContext(content: Content, nameOf: NameOf, textOf: (quoted: Content) => string): Context {
  const { isForwarded, stanzaId, participant, quotedMessage, nonJidMentions, mentionedJid } = infoOf(content) ?? {};
  const mentions = nonJidMentions ? "all" : mentionedJid?.map(nameOf);
  const from = participant ? nameOf(participant) : null;
  return {
    ...(isForwarded && { forwarded: true }),
    ...(stanzaId && { quoted: { id: stanzaId, from, text: quotedMessage ? textOf(quotedMessage) : "" } }),
    ...(mentions?.length && { mentions }),
  };
}

function infoOf(content: Content): ContextInfo | undefined {
  for (const part of Object.values(content)) {
    if (typeof part === "object" && part && "contextInfo" in part && part.contextInfo) return part.contextInfo;
  }
  return undefined;
}

/** The content in this context; a text with a context is an `extendedTextMessage`, as clients send it. */
export function inContext(content: Content, contextInfo: ContextInfo): Content {
  if (Object.keys(contextInfo).length === 0) return content;
  const { conversation, ...other } = content;
  const parts = conversation ? { extendedTextMessage: { text: conversation } } : other;
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, { ...part, contextInfo }]));
}

/** Clients say it by a wrapper around the message, in its part, or both. */
export function isViewOnce(message: Content): boolean {
  const { viewOnceMessage, viewOnceMessageV2, viewOnceMessageV2Extension } = message;
  if (viewOnceMessage || viewOnceMessageV2 || viewOnceMessageV2Extension) return true;
  return Object.values(message).some((part) => typeof part === "object" && part?.viewOnce === true);
}
