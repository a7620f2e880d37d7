import { getContentType, normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { Encrypted } from "./changes.ts";
import { wrapped } from "./media.ts";
import type { WireMessage } from "./wire.ts";

const { Type } = proto.Message.ProtocolMessage;
const { Type: PinType } = proto.Message.PinInChatMessage;

/** How the protocol names a message. */
export type MessageKey = proto.IMessageKey;

/** The emoji is empty to take a reaction back. */
export const reaction = (key: MessageKey, emoji: string, at: Date): WireMessage => ({
  reactionMessage: { key, text: emoji, senderTimestampMs: at.getTime() },
});

export const edit = (key: MessageKey, editedMessage: WireMessage, at: Date): WireMessage => ({
  protocolMessage: { type: Type.MESSAGE_EDIT, key, editedMessage, timestampMs: at.getTime() },
});

export const revoke = (key: MessageKey): WireMessage => ({ protocolMessage: { type: Type.REVOKE, key } });

/** @param seconds for how long; null ends the pin */
export const pin = (key: MessageKey, seconds: number | null, at: Date): WireMessage => ({
  pinInChatMessage: {
    key,
    type: seconds === null ? PinType.UNPIN_FOR_ALL : PinType.PIN_FOR_ALL,
    senderTimestampMs: at.getTime(),
  },
  messageContextInfo: { messageAddOnDurationInSecs: seconds ?? 0 },
});

export const vote = (key: MessageKey, { payload, iv }: Encrypted, at: Date): WireMessage => ({
  pollUpdateMessage: {
    pollCreationMessageKey: key,
    vote: { encPayload: payload, encIv: iv },
    senderTimestampMs: at.getTime(),
  },
});

/** The kinds that have a caption, and the names of their parts. */
const withCaption = { image: "imageMessage", video: "videoMessage", document: "documentMessage" } as const;

/** The text or the caption of an edit, without what surrounds it; null for a kind that has neither. */
export function editedContent(type: string, text: string, original: WireMessage | null): WireMessage | null {
  if (type === "text") return { extendedTextMessage: { text } };
  if (!Object.hasOwn(withCaption, type)) return null;
  const name = withCaption[type as keyof typeof withCaption];
  // Phones that do not have the file yet need all of the part.
  const { contextInfo: _, ...part } = normalizeMessageContent(original ?? {})?.[name] ?? {};
  return { [name]: { ...part, caption: text } };
}

/** A sent message as it is after an edit: with the new text or caption, and with what surrounded it. */
export function withEdit(original: WireMessage, edited: WireMessage): WireMessage {
  const { messageContextInfo = null } = original;
  const before = normalizeMessageContent(original) ?? {};
  const after = normalizeMessageContent(edited) ?? {};
  const [from, to] = [getContentType(before), getContentType(after)];
  const contextInfo = (from && (before[from] as { contextInfo?: proto.IContextInfo | null }).contextInfo) ?? null;
  const caption = captionOf(edited);
  if (from && caption !== null && from === to) {
    return { ...wrapped({ [from]: { ...(before[from] as object), caption } }), messageContextInfo };
  }
  const text = after.conversation ?? after.extendedTextMessage?.text;
  if (text === null || text === undefined) return original;
  return { extendedTextMessage: { text, ...(contextInfo && { contextInfo }) }, messageContextInfo };
}

/** The caption of an edit; null when it is no file's. */
export function captionOf(edited: WireMessage): string | null {
  const message = normalizeMessageContent(edited) ?? {};
  for (const name of Object.values(withCaption)) if (message[name]) return message[name].caption ?? "";
  return null;
}
