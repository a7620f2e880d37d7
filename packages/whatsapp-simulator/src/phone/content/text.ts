import { z } from "zod";
import type { Kind } from "./kind.ts";

const fields = z.object({
  text: z.string().min(1).max(65_536),
  /** The card below the text, as a client has made it of the page. */
  linkPreview: z
    .strictObject({
      url: z.string().min(1).max(2048),
      title: z.string().min(1).max(1000),
      description: z.string().max(2000).optional(),
    })
    .optional(),
});

export const text: Kind<typeof fields> = {
  fields,
  read({ conversation, extendedTextMessage }) {
    if (typeof conversation === "string" && conversation !== "") return { text: conversation };
    if (!extendedTextMessage) return undefined;
    const { text: written, matchedText, title, description } = extendedTextMessage;
    const preview = matchedText && title && { url: matchedText, title, ...(description && { description }) };
    return { text: written ?? "", ...(preview && { linkPreview: preview }) };
  },
  write({ text: written, linkPreview }) {
    if (!linkPreview) return { conversation: written };
    const { url, title, description = null } = linkPreview;
    return { extendedTextMessage: { text: written, matchedText: url, title, description } };
  },
};
