import { createHash, randomBytes } from "node:crypto";
import { normalizeMessageContent, type proto } from "@whiskeysockets/baileys";
import { SimulatorError } from "../errors.ts";
import { MediaProblem } from "../media/cipher.ts";
import { openRemote, publish } from "../media/transfer.ts";
import type { World } from "../world.ts";
import type { Content, Shown } from "./content/content.ts";
import { inContext, isViewOnce } from "./content/context.ts";
import { type MediaKind, partOf, remoteOf } from "./content/media.ts";
import { mediaKinds, readMedia, type WrittenWithMedia } from "./content/media-kinds.ts";
import type { z } from "zod";

const bytesAtMost = 100 * 1024 * 1024;

/** Downloads the file of a message; what the chat shows then says what it is, or why it cannot be opened. */
export async function withOpenedMedia(world: World, content: Content, shown: Shown): Promise<Shown> {
  const found = "media" in shown ? readMedia(normalizeMessageContent(content) ?? content) : undefined;
  if (!found || !("media" in shown)) return shown;
  try {
    const remote = remoteOf(found.part);
    if (!remote) throw new MediaProblem("the message does not say where the file is, or what its key is");
    const file = await openRemote(world, found.type, remote);
    return { ...shown, media: { ...shown.media, ...file } };
  } catch (error) {
    const problem = error instanceof MediaProblem ? error.message : "the download failed";
    return { ...shown, media: { ...shown.media, problem } };
  }
}

/** Uploads the file that a person picked, with a fresh key; returns the content of its message. */
export async function attach(
  world: World,
  { type, data, file, mimeType, ...fields }: WrittenWithMedia,
  { at, context }: { at: number; context: proto.IContextInfo },
): Promise<Content> {
  const kind = mediaKinds[type] as unknown as MediaKind<z.ZodObject>;
  const sha256 = await pick(world, { data, file });
  const remote = await publish(world, kind.type, { sha256, mediaKey: randomBytes(32) }).catch((cause: unknown) => {
    throw new SimulatorError("media_not_uploaded", undefined, { cause });
  });
  const content = kind.write(fields, partOf(remote, { mimeType: mimeType ?? kind.mimeType, at }));
  return wrapped(inContext(content, context));
}

/** View-once messages, and documents with a caption, lie inside another message. */
function wrapped(message: Content): Content {
  if (isViewOnce(message)) return { viewOnceMessageV2: { message } };
  return message.documentMessage?.caption ? { documentWithCaptionMessage: { message } } : message;
}

async function pick(world: World, { data, file }: { data?: string | undefined; file?: string | undefined }) {
  if ((data === undefined) === (file === undefined)) {
    throw new SimulatorError("invalid_request", "data or file must be given", { field: "data" });
  }
  if (data !== undefined) return (await keepFile(world, [Buffer.from(data, "base64")])).sha256;
  if (file === undefined || world.files.size(file) === undefined) throw new SimulatorError("file_not_found");
  return file;
}

/** Puts a file into the phones' files. */
export async function keepFile(
  world: World,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash("sha256");
  async function* counted(): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > bytesAtMost) throw new SimulatorError("body_too_large");
      hash.update(chunk);
      yield chunk;
    }
  }
  const { name: sha256 } = await world.files.write(counted(), () => ({ name: hash.digest("hex") }));
  return { sha256, sizeBytes: world.files.size(sha256) ?? 0 };
}
