import { chunkBytes, type ChunkSealer, createChunkSealer, sealedChunkBytes } from "@sandi/crypto";
import type { MediaTable } from "../db/tables/media.ts";
import type { Services } from "../services.ts";
import type { ObjectRange } from "./store.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const keyBytes = 32;
const placeOf = (id: string) => ({ table: "media", column: "sealed_key", id });

/** A new key for one object, and its sealed form for the row. */
export async function newObjectKey(
  { random, atRest }: Services,
  { id, workspaceId }: Pick<MediaTable, "id" | "workspaceId">,
): Promise<{ sealer: ChunkSealer; sealedKey: string }> {
  const key = random(keyBytes);
  const [sealer, sealedKey] = await Promise.all([createChunkSealer(key), atRest(workspaceId).seal(key, placeOf(id))]);
  return { sealer, sealedKey };
}

/** Seals a file chunk by chunk. */
export async function* sealChunks(chunks: AsyncIterable<Bytes>, sealer: ChunkSealer): AsyncGenerator<Bytes> {
  let held: Bytes | undefined;
  let index = 0;
  for await (const chunk of chunks) {
    if (held) yield await sealer.seal(held, { index: index++, isLast: false });
    held = chunk;
  }
  if (held) yield await sealer.seal(held, { index, isLast: true });
}

/**
 * The plaintext of a part of an object, as a stream that reads no faster than it is read. Undefined if there is no object.
 * The stream fails at the first chunk that was changed, or is missing.
 */
export async function openObject(
  { media, atRest }: Services,
  row: Pick<MediaTable, "id" | "workspaceId" | "objectKey" | "sealedKey" | "sizeBytes">,
  { offset, length }: ObjectRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const first = Math.floor(offset / chunkBytes);
  const last = Math.floor((offset + length - 1) / chunkBytes);
  const lastOfAll = Math.ceil(row.sizeBytes / chunkBytes) - 1;
  const sealedSize = row.sizeBytes + (lastOfAll + 1) * (sealedChunkBytes - chunkBytes);
  const from = first * sealedChunkBytes;
  const key = await atRest(row.workspaceId).open(row.sealedKey, placeOf(row.id));
  const [sealer, sealed] = await Promise.all([
    createChunkSealer(key),
    media.get(row.objectKey, { offset: from, length: Math.min((last + 1) * sealedChunkBytes, sealedSize) - from }),
  ]);
  if (!sealed) return undefined;
  const chunks = inChunks(readAll(sealed), sealedChunkBytes);
  let index = first;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) {
        if (index <= last) throw new Error("an object of the store is too short");
        return controller.close();
      }
      const opened = await sealer.open(value, { index, isLast: index === lastOfAll });
      const start = index * chunkBytes;
      index++;
      controller.enqueue(opened.subarray(Math.max(0, offset - start), Math.max(0, offset + length - start)));
    },
    cancel: () => void chunks.return(undefined),
  });
}

/** The bytes of a stream. A caller that stops early cancels it. */
export async function* readAll(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let isAtEnd = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isAtEnd = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!isAtEnd) void reader.cancel().catch(() => undefined);
  }
}

/**
 * The same bytes in chunks of this size; only the last may be smaller. A chunk is in the memory of the chunk before the
 * last, so that a large file leaves no garbage behind.
 */
export async function* inChunks(pieces: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Bytes> {
  let chunk = new Uint8Array(size);
  let other = new Uint8Array(size);
  let filled = 0;
  for await (const piece of pieces) {
    for (let offset = 0; offset < piece.length;) {
      const taken = piece.subarray(offset, offset + size - filled);
      chunk.set(taken, filled);
      filled += taken.length;
      offset += taken.length;
      if (filled < size) continue;
      yield chunk;
      [chunk, other] = [other, chunk];
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
