import { z } from "zod";
import {
  caption,
  captioned,
  frame,
  isViewOnce,
  jpegOf,
  type MediaKind,
  present,
  shownThumbnail,
  thumbnail,
} from "./media.ts";

const fields = z.object({ caption, isViewOnce, thumbnail, ...frame });

export const image: MediaKind<typeof fields> = {
  type: "image",
  mimeType: "image/jpeg",
  fields,
  read({ imageMessage: part }) {
    if (!part) return undefined;
    const { width, height } = part;
    const media = present({ width, height, thumbnail: shownThumbnail(part.jpegThumbnail) });
    return { part, shown: { ...captioned(part.caption), media } };
  },
  write: ({ isViewOnce: viewOnce = false, thumbnail: preview, ...fields_ }, part) => ({
    imageMessage: { ...part, ...present({ ...fields_, jpegThumbnail: jpegOf(preview), viewOnce }) },
  }),
};
