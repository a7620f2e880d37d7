import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { SealedMedia } from "@sandi/contracts";
import type { EdgeFiles } from "../edge-files.ts";
import { acceptedFile } from "./accepted-file.ts";
import { MediaFailed } from "./failed.ts";
import type { Folder } from "./folder.ts";
import { smallPicture } from "./pictures.ts";

/**
 * The picture of a link preview, as the message holds it: a small JPEG. Null when there is none any more, or none can be
 * made: the card then has no picture. Rejects when that can be tried later.
 */
export type MakePreview = (image: SealedMedia) => Promise<Uint8Array | null>;

/** The edge accepts no larger ones. */
const mostBytes = 5_000_000;

export function createMakePreview({ files, folder }: { files: EdgeFiles; folder: Folder }): MakePreview {
  return async (image) => {
    if (image.sizeBytes > mostBytes) return null;
    const made = folder.use(async (place) => {
      const path = join(place, "picture");
      await pipeline(await acceptedFile(files, image), createWriteStream(path, { mode: 0o600, flags: "wx" }));
      return smallPicture(path);
    });
    return made.catch((error: unknown) => {
      if (error instanceof MediaFailed) return null;
      throw error;
    });
  };
}
