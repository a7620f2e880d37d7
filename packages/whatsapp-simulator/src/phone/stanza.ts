import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import { type Content, shownContent } from "./content/content.ts";
import type { Envelope } from "./envelope.ts";

type About = Pick<Envelope, "type" | "edit" | "meta" | "encAttributes" | "isUnavailable">;

/** Clients that cannot read it show nothing. */
const hidden = { "decrypt-fail": "hide" };

/** What the stanza of a message says about its content, for servers that cannot read it. */
export function aboutContent(message: Content): About {
  const content = normalizeMessageContent(message) ?? message;
  const { Type } = proto.Message.ProtocolMessage;
  if (content.reactionMessage) return { type: "reaction", encAttributes: hidden };
  if (content.pollUpdateMessage) return { type: "poll", meta: { polltype: "vote" }, encAttributes: hidden };
  if (content.secretEncryptedMessage) return { type: "text", encAttributes: hidden };
  if (content.pinInChatMessage) return { type: "text", edit: "2", encAttributes: hidden };
  if (content.protocolMessage?.type === Type.REVOKE) {
    return { type: "text", edit: content.protocolMessage.key?.fromMe ? "7" : "8", encAttributes: hidden };
  }
  if (content.protocolMessage?.type === Type.MESSAGE_EDIT) return { type: "text", edit: "1", encAttributes: hidden };
  if (content.pollCreationMessage || content.pollCreationMessageV2 || content.pollCreationMessageV3) {
    return { type: "poll", meta: { polltype: "creation" } };
  }
  const mediatype = mediaTypeOf(content);
  return {
    type: mediatype === undefined ? "text" : "media",
    ...(mediatype !== undefined && { encAttributes: { mediatype } }),
    ...(shownContent(message)?.isViewOnce && { isUnavailable: true }),
  };
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
  return content.contactsArrayMessage ? "contact_array" : undefined;
}
