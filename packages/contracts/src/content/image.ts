import { z } from "zod";
import { album, checkAlbum } from "./album.ts";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("image");

/** A picture. */
export const image = {
  content: z
    .strictObject({
      type,
      media: mediaFields.media,
      caption: mediaFields.caption,
      isViewOnce: mediaFields.isViewOnce,
      album: album.content,
    })
    .check(checkAlbum),
  sealed: z.strictObject({
    type,
    media: sealedMediaFields.media,
    caption: sealedMediaFields.caption,
    isViewOnce: sealedMediaFields.isViewOnce,
    album: album.sealed,
  }),
};
