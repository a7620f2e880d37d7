import { z } from "zod";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("audio");

/** A song or a recording, which the recipient sees as a file to play. */
export const audio = {
  content: z.strictObject({
    type,
    media: mediaFields.media,
  }),
  sealed: z.strictObject({
    type,
    media: sealedMediaFields.media,
  }),
};
