import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { Place } from "../api.ts";

export type Content = proto.IMessage;

/** A message as a chat shows it. */
export interface Shown {
  kind: string;
  text: string;
  /** The place of a location; its name is the text. */
  location?: Place | undefined;
  forwarded?: true;
}

/** What a person writes on a phone. */
export type Written = Omit<Shown, "kind" | "forwarded"> & { forwarded?: boolean | undefined };

/** The content that a client sends for it, written or forwarded. */
export function contentOf({ text, location, forwarded }: Written): Content {
  const contextInfo = forwarded ? { isForwarded: true, forwardingScore: 1 } : null;
  if (location) {
    const { latitude: degreesLatitude, longitude: degreesLongitude, address = null } = location;
    return { locationMessage: { degreesLatitude, degreesLongitude, address, name: text, contextInfo } };
  }
  return contextInfo ? { extendedTextMessage: { text, contextInfo } } : { conversation: text };
}

/** Undefined for content that no chat shows: keys, peer requests, protocol messages. */
export function shownContent(message: Content): Shown | undefined {
  const content = normalizeMessageContent(message) ?? message;
  if (typeof content.conversation === "string" && content.conversation !== "")
    return { kind: "text", text: content.conversation };
  if (content.extendedTextMessage) {
    const { text, contextInfo } = content.extendedTextMessage;
    return { kind: "text", text: text ?? "", ...(contextInfo?.isForwarded && { forwarded: true }) };
  }
  if (content.imageMessage) return { kind: "image", text: content.imageMessage.caption ?? "" };
  if (content.videoMessage) return { kind: "video", text: content.videoMessage.caption ?? "" };
  if (content.audioMessage) return { kind: content.audioMessage.ptt ? "voice" : "audio", text: "" };
  if (content.documentMessage) {
    return { kind: "document", text: content.documentMessage.caption ?? content.documentMessage.fileName ?? "" };
  }
  if (content.stickerMessage) return { kind: "sticker", text: "" };
  if (content.locationMessage) {
    const { degreesLatitude, degreesLongitude, address, name, contextInfo } = content.locationMessage;
    return {
      kind: "location",
      text: name ?? "",
      location: { latitude: degreesLatitude ?? 0, longitude: degreesLongitude ?? 0, ...(address && { address }) },
      ...(contextInfo?.isForwarded && { forwarded: true }),
    };
  }
  if (content.contactMessage) return { kind: "contact", text: content.contactMessage.displayName ?? "" };
  if (content.reactionMessage) return { kind: "reaction", text: content.reactionMessage.text ?? "" };
  const poll = content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3;
  if (poll) {
    return {
      kind: "poll",
      text: [poll.name ?? "", ...(poll.options ?? []).map((each) => `• ${each.optionName}`)].join("\n"),
    };
  }
  const list = content.listMessage ?? content.buttonsMessage ?? content.interactiveMessage;
  if (list) return { kind: "interactive", text: "" };
  if (content.protocolMessage || content.senderKeyDistributionMessage) return undefined;
  return { kind: "other", text: "" };
}

/** A correction to an earlier message: its new text, or null if it was revoked. */
export function correction(message: Content): { id: string; text: string | null } | undefined {
  const protocol = (normalizeMessageContent(message) ?? message).protocolMessage;
  const id = protocol?.key?.id;
  if (!protocol || !id) return undefined;
  const { Type } = proto.Message.ProtocolMessage;
  if (protocol.type === Type.REVOKE) return { id, text: null };
  if (protocol.type !== Type.MESSAGE_EDIT || !protocol.editedMessage) return undefined;
  return { id, text: shownContent(protocol.editedMessage)?.text ?? "" };
}
