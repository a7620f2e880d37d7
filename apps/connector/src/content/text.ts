import type { SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

export const text: Kind<Extract<SealedContent, { type: "text" }>> = {
  toProto: (content) => ({ extendedTextMessage: { text: content.text } }),
  fromProto({ conversation, extendedTextMessage }) {
    const written = conversation ?? extendedTextMessage?.text;
    return written ? { type: "text", text: written } : null;
  },
};
