import { z } from "zod";
import {
  caption,
  captioned,
  frame,
  isViewOnce,
  jpegOf,
  type MediaKind,
  present,
  seconds,
  shownThumbnail,
  thumbnail,
} from "./media.ts";

const fields = z.object({
  caption,
  isViewOnce,
  /** Plays by itself, in a loop, without sound. */
  isGif: z.boolean().optional(),
  /** A round video note. */
  isNote: z.boolean().optional(),
  seconds,
  thumbnail,
  ...frame,
});

export const video: MediaKind<typeof fields> = {
  type: "video",
  mimeType: "video/mp4",
  fields,
  read({ videoMessage, ptvMessage }) {
    const part = ptvMessage ?? videoMessage;
    if (!part) return undefined;
    const { width, height, seconds: length } = part;
    return {
      part,
      shown: {
        ...captioned(part.caption),
        ...(part.gifPlayback && { isGif: true }),
        ...(ptvMessage && { isNote: true }),
        media: present({ width, height, seconds: length, thumbnail: shownThumbnail(part.jpegThumbnail) }),
      },
    };
  },
  write({ isViewOnce: viewOnce = false, isGif: gifPlayback = false, isNote = false, ...fields_ }, part) {
    const { thumbnail: preview, ...about } = fields_;
    const message = { ...part, ...present({ ...about, jpegThumbnail: jpegOf(preview), gifPlayback, viewOnce }) };
    return isNote ? { ptvMessage: message } : { videoMessage: message };
  },
};
