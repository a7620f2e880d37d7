import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AboutFile } from "../content/media.ts";
import { MediaFailed } from "./failed.ts";

/** A file that is ready to be encrypted. */
export interface Prepared {
  path: string;
  mimeType: string;
  about: AboutFile;
}

const mostPixels = 64_000_000;
/** The longer edge of a preview inside a message. */
export const thumbnailEdge = 72;
const stickerEdge = 512;
const stickerBytes = 500 * 1024;

/** Some platforms have no build of sharp. It is loaded with the first picture, because it needs memory. */
const loadSharp = async () => {
  try {
    const { default: sharp } = await import("sharp");
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  } catch {
    return null;
  }
};

/** What phones show of a picture before they have it; nothing for a picture that cannot be read. */
export async function aboutPicture(path: string): Promise<AboutFile> {
  const sharp = await loadSharp();
  if (!sharp) return {};
  try {
    const options = { limitInputPixels: mostPixels };
    const { autoOrient } = await sharp(path, options).metadata();
    const small = sharp(path, options).autoOrient().resize(thumbnailEdge, thumbnailEdge, { fit: "inside" });
    const thumbnail = await small.flatten({ background: "white" }).jpeg({ quality: 50 }).toBuffer();
    return { width: autoOrient.width, height: autoOrient.height, thumbnail: new Uint8Array(thumbnail) };
  } catch {
    return {};
  }
}

const previewEdge = 320;
/** Larger ones make the text itself slow. */
const previewBytes = 64 * 1024;

/** A small JPEG for the card of a link; null for a picture of which none can be made. */
export async function smallPicture(path: string): Promise<Uint8Array | null> {
  const sharp = await loadSharp();
  if (!sharp) return null;
  try {
    const options = { limitInputPixels: mostPixels };
    for (const quality of [70, 40, 10]) {
      const small = sharp(path, options).autoOrient().resize(previewEdge, previewEdge, { fit: "inside" });
      const made = await small.flatten({ background: "white" }).jpeg({ quality }).toBuffer();
      if (made.length <= previewBytes) return new Uint8Array(made);
    }
  } catch {
    // No picture, then.
  }
  return null;
}

const refused = (cause?: unknown) => new MediaFailed("media_refused", "no sticker can be made of the picture", cause);

/** Makes a sticker: WebP of 512 by 512, animated if the picture is. Rejects with `MediaFailed` when that is not possible. */
export async function makeSticker(path: string, mimeType: string): Promise<Prepared> {
  const sharp = await loadSharp();
  const frame = { width: stickerEdge, height: stickerEdge };
  if (!sharp) {
    if (mimeType === "image/webp") return { path, mimeType, about: frame };
    throw new MediaFailed("media_refused", "this connector makes no stickers");
  }
  try {
    const options = { animated: true, limitInputPixels: mostPixels };
    const { format, width, height, pageHeight = height, pages = 1 } = await sharp(path, options).metadata();
    const about = { ...frame, ...(pages > 1 ? { isAnimated: true } : {}) };
    const isOne = format === "webp" && width === stickerEdge && pageHeight === stickerEdge;
    if (isOne && (await stat(path)).size <= stickerBytes) return { path, mimeType: "image/webp", about };
    for (const quality of [80, 50, 20]) {
      const made = join(path, "..", `sticker-${quality}.webp`);
      const { size } = await sharp(path, options)
        .autoOrient()
        .resize(stickerEdge, stickerEdge, { fit: "contain", background: { r: 0, g: 0, b: 0, alpha: 0 } })
        .webp({ quality })
        .toFile(made);
      if (size <= stickerBytes) return { path: made, mimeType: "image/webp", about };
    }
  } catch (error) {
    throw refused(error);
  }
  throw refused();
}
