import { z } from "zod";
import { caption, captioned, frame, isViewOnce, type MediaKind, present } from "./media.ts";

const fields = z.object({ caption, isViewOnce, ...frame });

export const image: MediaKind<typeof fields> = {
  type: "image",
  mimeType: "image/jpeg",
  fields,
  read({ imageMessage: part }) {
    if (!part) return undefined;
    const { width, height } = part;
    return { part, shown: { ...captioned(part.caption), media: present({ width, height }) } };
  },
  write: ({ isViewOnce: viewOnce = false, ...fields_ }, part) => ({
    imageMessage: { ...part, ...present({ ...fields_, viewOnce }) },
  }),
};
