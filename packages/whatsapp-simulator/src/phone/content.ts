import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";

export type Content = proto.IMessage;

/** A message as a chat shows it. */
export interface Shown {
  kind: string;
  text: string;
  forwarded?: true;
}

/** What somebody writes on a phone. */
export type Written = Omit<Shown, "kind" | "forwarded"> & { forwarded?: boolean | undefined };

/** The content that a client sends for it, written or forwarded. */
export function contentOf({ text, forwarded }: Written): Content {
  if (!forwarded) return { conversation: text };
  return { extendedTextMessage: { text, contextInfo: { isForwarded: true, forwardingScore: 1 } } };
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
  if (content.locationMessage) return { kind: "location", text: content.locationMessage.name ?? "" };
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
