import type { z } from "zod";
import { audio } from "./audio.ts";
import { document } from "./document.ts";
import { image } from "./image.ts";
import type { Content } from "./kind.ts";
import type { fileFields, MediaKind, MediaShown } from "./media.ts";
import { sticker } from "./sticker.ts";
import { video } from "./video.ts";
import { voice } from "./voice.ts";

/** The kinds with media, each in its own file; the name is the `type` of Sandi's API. */
export const mediaKinds = { image, video, voice, audio, document, sticker };

type MediaKinds = typeof mediaKinds;

export type ShownWithMedia = { [Name in keyof MediaKinds]: { kind: Name } & MediaShown }[keyof MediaKinds];

/** What a person writes beside the file. */
export type WrittenWithMedia = {
  [Name in keyof MediaKinds]: { type: Name } & z.output<MediaKinds[Name]["fields"]> & z.output<typeof fileFields>;
}[keyof MediaKinds];

/** A content with media: what a chat shows of it before the file is opened, and how to open it. */
export function readMedia(content: Content) {
  for (const [name, kind] of Object.entries(mediaKinds) as [keyof MediaKinds, MediaKind<z.ZodObject>][]) {
    const read = kind.read(content);
    if (!read) continue;
    const { part, shown } = read;
    const media = {
      mimeType: part.mimetype ?? kind.mimeType,
      sizeBytes: Number(part.fileLength ?? 0),
      sha256: Buffer.from(part.fileSha256 ?? []).toString("hex"),
      ...shown.media,
    };
    return { type: kind.type, part, shown: { kind: name, ...shown, media } };
  }
  return undefined;
}
