import { codePlaceholder, type SealedContent } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

/** A code in the text of its template. Who receives one receives a text. */
export const code: Kind<Extract<SealedContent, { type: "code" }>> = {
  toProto(content, { template }) {
    if (template === null) return null;
    // A function, because `$` has a meaning in a replacement text.
    return { extendedTextMessage: { text: template.replaceAll(codePlaceholder, () => content.code) } };
  },
  fromProto: () => null,
};
