import type { proto } from "@whiskeysockets/baileys";
import type { Content } from "./kind.ts";

/** What surrounds a message of any kind. */
export interface Context {
  /** Somebody else wrote it. */
  forwarded?: true;
  /** The receiver opens it once, on the phone alone. */
  isViewOnce?: true;
}

type ContextInfo = proto.IContextInfo;

/** The context of a content: in the protocol it lies inside the part that holds the message. */
export function contextOf(content: Content): ContextInfo | undefined {
  for (const part of Object.values(content)) {
    if (typeof part === "object" && part && "contextInfo" in part && part.contextInfo) return part.contextInfo;
  }
  return undefined;
}

/** The content in this context; a text with a context is an `extendedTextMessage`, as clients send it. */
export function inContext(content: Content, contextInfo: ContextInfo): Content {
  if (Object.keys(contextInfo).length === 0) return content;
  const { conversation, ...other } = content;
  const [name, part] = Object.entries(conversation ? { extendedTextMessage: { text: conversation } } : other)[0] ?? [];
  return name === undefined ? content : { [name]: { ...part, contextInfo } };
}

/** Clients say it by a wrapper around the message, in its part, or both. */
export function isViewOnce(message: Content): boolean {
  const { viewOnceMessage, viewOnceMessageV2, viewOnceMessageV2Extension } = message;
  if (viewOnceMessage || viewOnceMessageV2 || viewOnceMessageV2Extension) return true;
  return Object.values(message).some((part) => typeof part === "object" && part?.viewOnce === true);
}
