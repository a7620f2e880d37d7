import { z } from "zod";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("sticker");

/** A sticker. */
export const sticker = {
  content: z.strictObject({
    type,
    media: mediaFields.media,
  }),
  sealed: z.strictObject({
    type,
    media: sealedMediaFields.media,
  }),
};
