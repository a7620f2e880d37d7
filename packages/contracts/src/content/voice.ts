import { z } from "zod";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("voice");

/** A voice note. */
export const voice = {
  content: z.strictObject({
    type,
    media: mediaFields.media,
    isViewOnce: mediaFields.isViewOnce,
  }),
  sealed: z.strictObject({
    type,
    media: sealedMediaFields.media,
    isViewOnce: sealedMediaFields.isViewOnce,
  }),
};
