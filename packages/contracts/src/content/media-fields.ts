import { z } from "zod";
import { FileName, MediaSource, SealedMedia } from "./media.ts";

/** The fields that several kinds with a file share. */
export const mediaFields = {
  media: MediaSource,
  caption: z.string().min(1).max(1024).optional().meta({ example: "Your receipt" }),
  isViewOnce: z.boolean().optional().meta({ description: "The recipient opens it once, on the phone alone." }),
  fileName: FileName.optional(),
};

/** The same fields, sealed. Without limits: a newer edge may have others. */
export const sealedMediaFields = {
  media: SealedMedia,
  caption: z.string().optional(),
  isViewOnce: z.boolean().optional(),
  fileName: z.string().optional(),
};
