import { createHash } from "node:crypto";
import {
  createId,
  type InboundMedia,
  inboundMediaHeaders,
  inboundMediaText,
  mediaContentPath,
  mediaPath,
  type StoredMedia,
} from "@sandi/contracts";
import { chunkBytes, webRandom } from "@sandi/crypto";
import type { MediaTable } from "../src/db/tables/media.ts";
import { inChunks, newObjectKey, sealChunks } from "../src/media/sealed-object.ts";
import type { Edge } from "./harness.ts";

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Bytes that differ at every place, so that a wrong order is seen. */
export function pattern(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Stores a file as the edge does, beside its routes. */
export async function addMedia(edge: Edge, bytes: Uint8Array, more: Partial<MediaTable> = {}): Promise<MediaTable> {
  const { services, workspace } = edge;
  const at = services.now().getTime();
  const id = createId("med", services.now(), webRandom(10));
  const place = { id, workspaceId: more.workspaceId ?? workspace.id };
  const { sealer, sealedKey } = await newObjectKey(services, place);
  const pieces = (async function* () {
    yield bytes;
  })();
  const row: MediaTable = {
    ...place,
    test: 0,
    objectKey: `object-of-${id}`,
    sealedKey,
    mimeType: "application/pdf",
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    fileName: null,
    createdBy: null,
    sessionId: null,
    uploadId: null,
    expiresAt: at + 24 * 3600_000,
    usedUntil: 0,
    createdAt: at,
    ...more,
  };
  await services.media.put(row.objectKey, sealChunks(inChunks(pieces, chunkBytes), sealer), async () => undefined);
  await services.db.kysely.insertInto("media").values(row).execute();
  return row;
}

/** What a connector gets of a file. */
export async function asConnector(edge: Edge, id: string, headers: Record<string, string> = {}): Promise<Response> {
  const path = mediaContentPath(id);
  const token = await edge.sign({ method: "GET", path, body: "" });
  return edge.fetch(
    new Request(`https://api.test${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } }),
  );
}

/** A connector stores the file of a received message. */
export async function receiveFile(edge: Edge, message: { sessionId: string; messageId: string }, bytes: Uint8Array) {
  const { sessionId, messageId: uploadId } = message;
  const about = { mimeType: "image/jpeg", sizeBytes: bytes.length, sha256: sha256(bytes), fileName: "a.jpg" };
  const media: InboundMedia = { sessionId, uploadId, ...about };
  const token = await edge.sign({ method: "POST", path: mediaPath, body: inboundMediaText(media) });
  const headers = { authorization: `Bearer ${token}`, ...inboundMediaHeaders(media) };
  const body = bytes as Uint8Array<ArrayBuffer>;
  const answer = await edge.fetch(new Request(`https://api.test${mediaPath}`, { method: "POST", headers, body }));
  return { status: answer.status, mediaId: (await answer.json<StoredMedia>()).mediaId };
}

export const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
const starts = {
  jpeg: [0xff, 0xd8, 0xff, 0xe0, 0, 16, ...ascii("JFIF"), 0],
  png: [
    0x89,
    ...ascii("PNG"),
    13,
    10,
    26,
    10,
    0,
    0,
    0,
    13,
    ...ascii("IHDR"),
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    1,
    8,
    6,
    0,
    0,
    0,
    31,
    21,
    196,
    137,
  ],
  webp: [...ascii("RIFF"), 36, 0, 0, 0, ...ascii("WEBPVP8 ")],
  mp4: [0, 0, 0, 24, ...ascii("ftypisom"), 0, 0, 2, 0, ...ascii("isomiso2")],
  m4a: [0, 0, 0, 24, ...ascii("ftypM4A "), 0, 0, 2, 0, ...ascii("isomiso2")],
  ogg: [...ascii("OggS"), 0, 2, ...Array.from({ length: 20 }, () => 0), 1, 19, ...ascii("OpusHead"), 1, 1],
  pdf: ascii("%PDF-1.7\n"),
  zip: [...ascii("PK"), 3, 4, 20, 0, 0, 0, 0, 0, ...Array.from({ length: 20 }, () => 0)],
};

/** A file whose first bytes are those of this format. */
export function fileOf(format: keyof typeof starts, size = 200): Uint8Array<ArrayBuffer> {
  const bytes = pattern(size, size);
  bytes.set(starts[format]);
  return bytes;
}

/** A stream of these pieces, which never ends with `isEndless`. */
export function streamOf(pieces: readonly Uint8Array[], { isEndless = false } = {}): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[isEndless ? next++ % pieces.length : next++];
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}
