import { z } from "zod";
import { album, checkAlbum } from "./album.ts";
import { mediaFields, sealedMediaFields } from "./media-fields.ts";

const type = z.literal("video");
const { fileName: _, ...fields } = mediaFields;
const { fileName: __, ...sealedFields } = sealedMediaFields;

/** A film, a GIF or a video note. */
export const video = {
  content: z
    .strictObject({
      type,
      ...fields,
      isGif: z
        .boolean()
        .optional()
        .meta({ description: "Plays by itself, in a loop, without sound. The file is an MP4." }),
      isNote: z
        .boolean()
        .optional()
        .meta({ description: "A round video note: without a caption, and at best a square film of a minute at most." }),
      album: album.content,
    })
    .check(checkAlbum)
    .check(({ value, issues }) => {
      const { isNote, isGif, caption } = value;
      const refuse = (name: string, message: string) =>
        issues.push({ code: "custom", input: value, path: [name], message });
      if (isNote && isGif) refuse("isNote", "cannot be given together with isGif");
      if (isNote && caption !== undefined) refuse("caption", "cannot be given for a video note");
    }),
  sealed: z.strictObject({
    type,
    ...sealedFields,
    isGif: z.boolean().optional(),
    isNote: z.boolean().optional(),
    album: album.sealed,
  }),
};
