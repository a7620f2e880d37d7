import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import { isViewOnce } from "./context.ts";
import type { Content } from "./kind.ts";

/** What the server and other clients learn of an encrypted message. */
export interface Stanza {
  type: string;
  edit?: string | undefined;
  /** Attributes of a `meta` node. */
  meta?: Record<string, string> | undefined;
  encAttributes?: Record<string, string> | undefined;
  /** Its content stays on phones. */
  isUnavailable?: true | undefined;
}

/** Clients that cannot read it show nothing. */
const hidden = { "decrypt-fail": "hide" };

/** The stanza of a content, as clients send it. */
export function stanzaOf(message: Content): Stanza {
  const content = normalizeMessageContent(message) ?? message;
  const change = changeStanza(content);
  if (change) return change;
  if (content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3) {
    return { type: "poll", meta: { polltype: "creation" } };
  }
  if (content.eventMessage) return { type: "event", meta: { event_type: "creation" } };
  const mediatype = mediaTypeOf(content);
  return {
    type: mediatype === undefined ? "text" : "media",
    ...(mediatype !== undefined && { encAttributes: { mediatype } }),
    ...(isViewOnce(message) && { isUnavailable: true }),
  };
}

/** Of a content that changes another message. */
function changeStanza(content: Content): Stanza | undefined {
  const { Type } = proto.Message.ProtocolMessage;
  const { reactionMessage, pollUpdateMessage, secretEncryptedMessage, pinInChatMessage, protocolMessage } = content;
  if (reactionMessage) return { type: "reaction", encAttributes: hidden };
  if (pollUpdateMessage) return { type: "poll", meta: { polltype: "vote" }, encAttributes: hidden };
  if (secretEncryptedMessage) return { type: "text", encAttributes: hidden };
  if (pinInChatMessage) return { type: "text", edit: "2", encAttributes: hidden };
  if (protocolMessage?.type === Type.MESSAGE_EDIT) return { type: "text", edit: "1", encAttributes: hidden };
  if (protocolMessage?.type !== Type.REVOKE) return undefined;
  // An admin's deletion of what somebody else wrote has a number of its own.
  return { type: "text", edit: protocolMessage.key?.fromMe ? "7" : "8", encAttributes: hidden };
}

function mediaTypeOf(content: Content): string | undefined {
  if (content.imageMessage) return "image";
  if (content.videoMessage) return content.videoMessage.gifPlayback ? "gif" : "video";
  if (content.ptvMessage) return "ptv";
  if (content.audioMessage) return content.audioMessage.ptt ? "ptt" : "audio";
  if (content.documentMessage) return "document";
  if (content.stickerMessage) return "sticker";
  if (content.locationMessage) return "location";
  if (content.contactMessage) return "vcard";
  if (content.contactsArrayMessage) return "contact_array";
  return content.interactiveResponseMessage ? "native_flow_response" : undefined;
}
