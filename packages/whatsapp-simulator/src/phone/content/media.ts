import type { proto } from "@whiskeysockets/baileys";
import { z } from "zod";
import type { MediaType, Remote } from "../../media/cipher.ts";
import type { Content, Summary } from "./kind.ts";

/** The file of a message, with the names of Sandi's API. */
export interface ShownMedia {
  mimeType: string;
  sizeBytes: number;
  /** In hex. */
  sha256: string;
  fileName?: string;
  width?: number;
  height?: number;
  seconds?: number;
  /** Loudness from 0 to 100, of a voice message. */
  waveform?: number[];
  /** What is shown before the file is there: a JPEG in base64. */
  thumbnail?: string;
  /** Why the phone cannot open the file. */
  problem?: string;
}

/** What a chat shows of a message with media; the caption is the text. */
export interface MediaShown extends Summary {
  media: ShownMedia;
  caption?: string;
  isGif?: true;
  isNote?: true;
}

/** The part of a content that describes a file. */
type Part = Pick<
  proto.Message.IImageMessage,
  "url" | "mimetype" | "fileSha256" | "fileLength" | "mediaKey" | "fileEncSha256" | "directPath"
>;

/** The file that a person picks: its bytes, or the SHA-256 of one that was uploaded to the phones' files before. */
export const fileFields = z.object({
  data: z.base64().optional(),
  file: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex")
    .optional(),
  mimeType: z
    .string()
    .max(200)
    .regex(/^[\w.+-]+\/[\w.+-]+(;.*)?$/, "must be a media type such as image/png")
    .optional(),
});

/** One kind of message with media. */
export interface MediaKind<Fields extends z.ZodObject> {
  readonly type: MediaType;
  /** Unless the person says another. */
  readonly mimeType: string;
  readonly fields: Fields;
  /** Undefined when the content is of another kind. */
  read(content: Content): { part: Part; shown: Omit<MediaShown, "media"> & { media: Partial<ShownMedia> } } | undefined;
  write(fields: z.output<Fields>, part: Part): Content;
}

const dimension = z.number().int().min(1).max(100_000).optional();

export const caption = z.string().max(65_536).optional();
export const fileName = z.string().min(1).max(255).optional();
export const isViewOnce = z.boolean().optional();
export const frame = { width: dimension, height: dimension };
export const thumbnail = z.base64().max(100_000).optional();
export const seconds = z.number().min(0).max(1_000_000).optional();

/** A caption, where there is one. */
export const captioned = (text: string | null | undefined) => ({ text: text ?? "", ...(text && { caption: text }) });

/** The preview inside the message, as a chat shows it and as the protocol has it. */
export const shownThumbnail = (jpeg: Uint8Array | null | undefined) =>
  jpeg?.length ? Buffer.from(jpeg).toString("base64") : undefined;
export const jpegOf = (shown: string | undefined) => (shown ? Buffer.from(shown, "base64") : undefined);

/** The given fields without those that are empty or zero. */
export function present<T extends object>(fields: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => Boolean(value))) as never;
}

/** The description of an uploaded file in its message. */
export function partOf(
  remote: Remote & { url: string; sizeBytes: number },
  { mimeType, at }: { mimeType: string; at: number },
) {
  const { url, directPath, mediaKey, fileSha256, fileEncSha256, sizeBytes } = remote;
  const file = { mimetype: mimeType, fileLength: sizeBytes, mediaKeyTimestamp: at };
  return { url, directPath, mediaKey, fileSha256, fileEncSha256, ...file };
}

/** How to fetch the file; undefined when the message does not say. */
export function remoteOf({ directPath, url, mediaKey, fileSha256, fileEncSha256 }: Part): Remote | undefined {
  const path = directPath ?? (url && URL.canParse(url) ? new URL(url).pathname + new URL(url).search : undefined);
  if (!path?.startsWith("/") || !mediaKey?.length || !fileSha256?.length || !fileEncSha256?.length) return undefined;
  return { directPath: path, mediaKey, fileSha256, fileEncSha256 };
}
