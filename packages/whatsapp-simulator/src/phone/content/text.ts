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
      /** A small JPEG, in base64. */
      thumbnail: z.base64().max(100_000).optional(),
    })
    .optional(),
  /** Of a story: the colour behind the text, and the number of its font. */
  background: z
    .string()
    .regex(/^#[0-9a-f]{6}$/)
    .optional(),
  font: z.int().min(0).optional(),
});

export const text: Kind<typeof fields> = {
  fields,
  read({ conversation, extendedTextMessage }) {
    if (typeof conversation === "string" && conversation !== "") return { text: conversation };
    if (!extendedTextMessage) return undefined;
    const { text: written, matchedText, title, description, jpegThumbnail, backgroundArgb, font } = extendedTextMessage;
    const preview = matchedText &&
      title && {
        url: matchedText,
        title,
        ...(description && { description }),
        ...(jpegThumbnail?.length && { thumbnail: Buffer.from(jpegThumbnail).toString("base64") }),
      };
    return {
      text: written ?? "",
      ...(preview && { linkPreview: preview }),
      ...(backgroundArgb && { background: colourOf(backgroundArgb) }),
      ...(font && { font }),
    };
  },
  write({ text: written, linkPreview, background, font }) {
    if (!linkPreview && background === undefined && font === undefined) return { conversation: written };
    const { url, title, description = null, thumbnail } = linkPreview ?? {};
    const jpegThumbnail = thumbnail ? Buffer.from(thumbnail, "base64") : null;
    const preview = linkPreview && { matchedText: url ?? null, title: title ?? null, description, jpegThumbnail };
    const look = { backgroundArgb: background ? argbOf(background) : null, font: font ?? null };
    return { extendedTextMessage: { text: written, ...preview, ...look } };
  },
};

/** `#rrggbb`; the first byte is the opacity. */
const colourOf = (argb: number) => `#${(argb & 0xff_ff_ff).toString(16).padStart(6, "0")}`;
const argbOf = (colour: string) => 0xff_00_00_00 + Number.parseInt(colour.slice(1), 16);
