import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { SealedMediaContent } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { mediaTypes, type SentFile } from "../content/media.ts";
import type { EdgeFiles } from "../edge-files.ts";
import type { Services } from "../services.ts";
import { acceptedFile } from "./accepted-file.ts";
import { encrypting } from "./cipher.ts";
import { MediaFailed, type MediaFailure } from "./failed.ts";
import type { Folder } from "./folder.ts";
import { aboutPicture, makeSticker, type Prepared } from "./pictures.ts";
import { readTracks } from "./read-tracks.ts";
import { upload } from "./upload.ts";
import { aboutVideo } from "./video.ts";
import { makeVoice } from "./voice.ts";

/**
 * Brings the file of a message from the edge to WhatsApp. Answers with its description, or with why it cannot be sent.
 * Rejects when that can be tried later.
 */
export type SendFile = (
  socket: Pick<WhatsAppSocket, "media">,
  content: SealedMediaContent,
  timed: Timed,
) => Promise<SentFile | MediaFailure>;

/** Runs a stage and notes how long it takes. */
export type Timed = <T>(stage: "fetchFile" | "uploadFile", work: () => Promise<T>) => Promise<T>;

interface Context {
  services: Pick<Services, "now" | "random">;
  files: EdgeFiles;
  folder: Folder;
  /** The program that converts voice notes and makes previews of videos. */
  ffmpeg: string;
}

const mediaKeyBytes = 32;
const fileMode = { mode: 0o600, flags: "wx" } as const;

export function createSendFile(context: Context): SendFile {
  return (socket, content, timed) =>
    context.folder
      .use((folder) => sendFile(context, { socket, content, folder, timed }))
      .catch((error: unknown) => {
        if (error instanceof MediaFailed) return error.reason;
        throw error;
      });
}

interface Sending {
  socket: Pick<WhatsAppSocket, "media">;
  content: SealedMediaContent;
  folder: string;
  timed: Timed;
}

async function sendFile(context: Context, sending: Sending): Promise<SentFile> {
  const { socket, content, folder, timed } = sending;
  const path = join(folder, "encrypted");
  const encrypted = await timed("fetchFile", () => encryptTo(path, context, sending));
  const { fileEncSha256 } = encrypted;
  const file = { path, sizeBytes: (await stat(path)).size, fileEncSha256, type: mediaTypes[content.type] };
  const place = await timed("uploadFile", () => upload(socket.media, file));
  return { ...place, ...encrypted, mediaKeyTimestamp: Math.floor(context.services.now().getTime() / 1000) };
}

/** Reads the file at the edge and writes it encrypted. */
async function encryptTo(path: string, context: Context, { content, folder }: Sending) {
  const mediaKey = Buffer.from(context.services.random(mediaKeyBytes));
  const { plain, mimeType, about } = await prepare(context, content, folder);
  const { chunks, hashes } = encrypting(plain, { mediaKey, type: mediaTypes[content.type] });
  await writeAndFree(path, chunks);
  return { mediaKey, ...hashes(), fileLength: plain.size(), mimeType, about };
}

/** Writes chunks that nobody else has, and frees each: otherwise some 60 MB of them gather before they are collected. */
async function writeAndFree(path: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, fileMode.flags, fileMode.mode);
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      const { buffer } = chunk;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0);
    }
  } finally {
    await file.close();
  }
}

/** The bytes to encrypt, and their number once they are read. */
type Plain = AsyncIterable<Uint8Array> & { size: () => number };

async function prepare(
  context: Context,
  content: SealedMediaContent,
  folder: string,
): Promise<Omit<Prepared, "path"> & { plain: Plain }> {
  const { media, type } = content;
  const accepted = await acceptedFile(context.files, media);
  // A document is encrypted as it arrives.
  if (type === "document") return { plain: counted(accepted), mimeType: media.mimeType, about: {} };
  const path = join(folder, "plain");
  await pipeline(accepted, createWriteStream(path, fileMode));
  const made = await converted(context, type, { path, mimeType: media.mimeType });
  return { plain: counted(createReadStream(made.path) as AsyncIterable<Buffer>), ...made };
}

async function converted(
  { ffmpeg }: Context,
  type: Exclude<SealedMediaContent["type"], "document">,
  { path, mimeType }: Omit<Prepared, "about">,
): Promise<Prepared> {
  if (type === "voice") return makeVoice(ffmpeg, path, mimeType);
  if (type === "sticker") return makeSticker(path, mimeType);
  if (type === "image") return { path, mimeType, about: await aboutPicture(path) };
  if (type === "video") return { path, mimeType, about: await aboutVideo(ffmpeg, path, mimeType) };
  return { path, mimeType, about: await readTracks(path, mimeType) };
}

function counted(bytes: AsyncIterable<Uint8Array>): Plain {
  let size = 0;
  async function* count() {
    for await (const chunk of bytes) {
      size += chunk.length;
      yield chunk;
    }
  }
  return Object.assign(count(), { size: () => size });
}
