import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

export const text: Kind<Extract<SealedContent, { type: "text" }>> = {
  toProto({ text: written, linkPreview }) {
    if (!linkPreview) return { extendedTextMessage: { text: written } };
    const { url, title, description = null } = linkPreview;
    return { extendedTextMessage: { text: written, matchedText: url, title, description } };
  },
  fromProto({ conversation, extendedTextMessage }) {
    const written = conversation ?? extendedTextMessage?.text;
    if (!written) return null;
    const { matchedText: url, title, description } = extendedTextMessage ?? {};
    const linkPreview = url && title ? { url, title, ...(description ? { description } : {}) } : undefined;
    return { type: "text", text: written, ...(linkPreview ? { linkPreview } : {}) };
  },
};
