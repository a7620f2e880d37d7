import { normalizeMessageContent, type proto } from "@whiskeysockets/baileys";
import { FileName, MimeType, type SealedMediaContent } from "@sandi/contracts";
import type { WireMessage } from "./wire.ts";

/** How a file is encrypted, and where it is uploaded to. Stickers are images, voice notes are audio. */
export type MediaType = "image" | "video" | "audio" | "document";

export const mediaTypes = {
  image: "image",
  sticker: "image",
  video: "video",
  audio: "audio",
  voice: "audio",
  document: "document",
} as const satisfies Record<SealedMediaContent["type"], MediaType>;

/** What a phone shows of a file before it has it. */
export interface AboutFile {
  width?: number;
  height?: number;
  seconds?: number;
  /** Loudness from 0 to 100, at 64 places. */
  waveform?: Uint8Array;
  /** A small JPEG. */
  thumbnail?: Uint8Array;
  isAnimated?: boolean;
}

/** A file that lies at WhatsApp, as its message describes it. */
export interface SentFile {
  url: string;
  directPath: string;
  mediaKey: Uint8Array;
  fileSha256: Uint8Array;
  fileEncSha256: Uint8Array;
  fileLength: number;
  mimeType: string;
  /** Seconds since the epoch. */
  mediaKeyTimestamp: number;
  about: AboutFile;
}

/** A file in a received message. */
export interface ReceivedMedia {
  mimeType: string;
  sizeBytes: number;
  /** In hex, of the file. */
  sha256: string;
  fileName?: string;
  width?: number;
  height?: number;
  seconds?: number;
  /** Loudness from 0 to 100. */
  waveform?: number[];
}

/** The part of a message that describes its file. */
export type MediaPart = Pick<
  proto.Message.IImageMessage,
  "url" | "mimetype" | "fileSha256" | "fileLength" | "mediaKey" | "fileEncSha256" | "directPath"
> & {
  fileName?: string | null;
  width?: number | null;
  height?: number | null;
  seconds?: number | null;
  waveform?: Uint8Array | null;
};

/** The fields that every part with a file has. */
export function partOf(file: SentFile) {
  const { url, directPath, mediaKey, mediaKeyTimestamp, fileSha256, fileEncSha256, fileLength, mimeType } = file;
  const place = { url, directPath, mediaKey, mediaKeyTimestamp };
  return { ...place, fileSha256, fileEncSha256, fileLength, mimetype: mimeType };
}

/** The given fields without those that are not known. */
export const known = <Fields extends object>(fields: Fields): { [Name in keyof Fields]: NonNullable<Fields[Name]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

/** Phones send 64. */
const mostLoudness = 1024;

/** The file of a received message; null when the message does not say what it is. */
export function receivedMedia(part: MediaPart): ReceivedMedia | null {
  const { fileSha256, mimetype, fileLength, fileName, width, height, seconds, waveform } = part;
  if (fileSha256?.length !== 32) return null;
  const name = cleanName(fileName);
  return {
    mimeType: MimeType.safeParse(mimetype?.split(";")[0]?.trim().toLowerCase()).data ?? "application/octet-stream",
    // Senders write any number of 64 bits.
    sizeBytes: Math.min(Number(fileLength ?? 0), Number.MAX_SAFE_INTEGER),
    sha256: Buffer.from(fileSha256).toString("hex"),
    ...(name ? { fileName: name } : {}),
    ...(width ? { width } : {}),
    ...(height ? { height } : {}),
    ...(seconds ? { seconds } : {}),
    ...(waveform?.length ? { waveform: Array.from(waveform.subarray(0, mostLoudness)) } : {}),
  };
}

/** A file of a received message as it is kept, so that it can be fetched later. The bytes are in base64. */
export interface ReceivedFile {
  type: MediaType;
  media: ReceivedMedia;
  mediaKey: string;
  fileEncSha256: string;
  url: string | null;
  directPath: string | null;
}

/** The file of a received message; null without one, and when the message does not say where it is or how to open it. */
export function fileIn(message: WireMessage): ReceivedFile | null {
  const found = mediaIn(message);
  if (!found) return null;
  const { part, type, media } = found;
  const { mediaKey, fileEncSha256, url = null, directPath = null } = part;
  const isReadable = mediaKey?.length === 32 && fileEncSha256?.length === 32 && media.sizeBytes > 0;
  if (!isReadable || (!url && !directPath)) return null;
  return { type, media, mediaKey: base64(mediaKey), fileEncSha256: base64(fileEncSha256), url, directPath };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** A file of a received message, and how to open it; null when the message has none. */
export function mediaIn(message: WireMessage): { part: MediaPart; type: MediaType; media: ReceivedMedia } | null {
  const { imageMessage, stickerMessage, videoMessage, ptvMessage, audioMessage, documentMessage } =
    normalizeMessageContent(message) ?? {};
  const found: [MediaType, MediaPart | null | undefined][] = [
    ["image", imageMessage ?? stickerMessage],
    ["video", ptvMessage ?? videoMessage],
    ["audio", audioMessage],
    ["document", documentMessage],
  ];
  for (const [type, part] of found) {
    const media = part && receivedMedia(part);
    if (media) return { part, type, media };
  }
  return null;
}

/** The name without its path and without what hides its end; undefined when nothing is left. */
function cleanName(name: string | null | undefined): string | undefined {
  const last = name?.split(/[/\\]/).at(-1) ?? "";
  const plain = last.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
  // The cut may leave half of an emoji, which no header can hold.
  return FileName.safeParse(plain.slice(0, 255).toWellFormed()).data;
}

/** Messages that are opened once, and documents with a caption, lie inside another message. */
export function wrapped(message: WireMessage): WireMessage {
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage } = message;
  if (imageMessage?.viewOnce || videoMessage?.viewOnce || ptvMessage?.viewOnce)
    return { viewOnceMessageV2: { message } };
  if (audioMessage?.viewOnce) return { viewOnceMessageV2Extension: { message } };
  return documentMessage?.caption ? { documentWithCaptionMessage: { message } } : message;
}
