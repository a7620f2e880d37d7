import { z } from "zod";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("document");

/** A file of any type. */
export const document = {
  content: z.strictObject({
    type,
    media: mediaFields.media,
    caption: mediaFields.caption,
    fileName: mediaFields.fileName,
  }),
  sealed: z.strictObject({
    type,
    media: sealedMediaFields.media,
    caption: sealedMediaFields.caption,
    fileName: sealedMediaFields.fileName,
  }),
};
