import { z } from "zod";
import { frame, type MediaKind, present } from "./media.ts";

const fields = z.object({ isAnimated: z.boolean().optional(), ...frame });

export const sticker: MediaKind<typeof fields> = {
  type: "image",
  mimeType: "image/webp",
  fields,
  read({ stickerMessage: part }) {
    if (!part) return undefined;
    const { width, height } = part;
    return { part, shown: { text: "", media: present({ width, height }) } };
  },
  write: (fields_, part) => ({ stickerMessage: { ...part, ...present(fields_) } }),
};
