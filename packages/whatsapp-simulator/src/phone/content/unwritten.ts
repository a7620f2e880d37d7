import type { Content, Summary } from "./kind.ts";

/** Kinds that a phone shows by a summary alone. */
export type UnwrittenKind = "image" | "video" | "audio" | "voice" | "document" | "sticker" | "reaction" | "other";

/** Content of a kind that nobody writes on a phone; undefined for content that no chat shows: keys and peer requests. */
export function readUnwritten(content: Content): (Summary & { kind: UnwrittenKind }) | undefined {
  if (content.imageMessage) return { kind: "image", text: content.imageMessage.caption ?? "" };
  if (content.videoMessage) return { kind: "video", text: content.videoMessage.caption ?? "" };
  if (content.audioMessage) return { kind: content.audioMessage.ptt ? "voice" : "audio", text: "" };
  if (content.documentMessage) {
    return { kind: "document", text: content.documentMessage.caption ?? content.documentMessage.fileName ?? "" };
  }
  if (content.stickerMessage) return { kind: "sticker", text: "" };
  if (content.reactionMessage) return { kind: "reaction", text: content.reactionMessage.text ?? "" };
  if (content.protocolMessage || content.senderKeyDistributionMessage) return undefined;
  return { kind: "other", text: "" };
}
