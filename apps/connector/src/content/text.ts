import { type SealedContent, type StoryFont, storyFonts } from "@sandi/contracts";
import type { Kind } from "./kind.ts";

export const text: Kind<Extract<SealedContent, { type: "text" }>> = {
  toProto({ text: written, linkPreview, background, font }, { picture = null }) {
    const look = {
      ...(background === undefined ? {} : { backgroundArgb: argbOf(background) }),
      ...(font === undefined ? {} : { font: storyFonts[font as StoryFont] ?? storyFonts.system }),
    };
    if (!linkPreview) return { extendedTextMessage: { text: written, ...look } };
    const { url, title, description = null } = linkPreview;
    const card = { matchedText: url, title, description, jpegThumbnail: picture };
    return { extendedTextMessage: { text: written, ...card, ...look } };
  },
  fromProto({ conversation, extendedTextMessage }) {
    const written = conversation ?? extendedTextMessage?.text;
    if (!written) return null;
    const { matchedText: url, title, description, backgroundArgb, font } = extendedTextMessage ?? {};
    const linkPreview = url && title ? { url, title, ...(description ? { description } : {}) } : undefined;
    const known = Object.entries(storyFonts).find(([, number]) => number === Number(font));
    return {
      type: "text",
      text: written,
      ...(linkPreview ? { linkPreview } : {}),
      ...(backgroundArgb ? { background: colourOf(backgroundArgb) } : {}),
      ...(font && known ? { font: known[0] as StoryFont } : {}),
    };
  },
};

/** `#rrggbb`; the first byte in the protocol is the opacity. */
const argbOf = (colour: string) => 0xff_00_00_00 + Number.parseInt(colour.slice(1), 16);
const colourOf = (argb: number) => `#${(argb & 0xff_ff_ff).toString(16).padStart(6, "0")}`;
