import { createHash } from "node:crypto";
import type { MediaStore } from "../src/media/store.ts";
import type { Streams } from "../src/media/streams.ts";

/** The port of the media store in memory, with what a test needs to see and to break. */
export interface MemoryStore extends MediaStore {
  objects: Map<string, { bytes: Uint8Array<ArrayBuffer>; uploadedAt: Date }>;
  /** Uploads in parts that have not ended, by id. */
  uploads: Map<string, string>;
  /** Makes every call fail. */
  isDown: boolean;
}

const partBytes = 5 * 1024 * 1024;

/** Behaves as `r2Store` does; media-store.test.ts compares the two. */
export function memoryStore(now: () => Date, failure: () => Error): MemoryStore {
  let uploads = 0;
  const up = async () => {
    if (store.isDown) throw failure();
  };
  const store: MemoryStore = {
    objects: new Map(),
    uploads: new Map(),
    isDown: false,
    async put(key, pieces, onParts) {
      const all: Uint8Array[] = [];
      let size = 0;
      let uploadId: string | undefined;
      try {
        for await (const piece of pieces) {
          all.push(piece.slice());
          size += piece.length;
          await up();
          if (size <= partBytes || uploadId !== undefined) continue;
          store.uploads.set((uploadId = `upload ${++uploads}`), key);
          await onParts(uploadId);
        }
        await up();
        store.objects.set(key, { bytes: new Uint8Array(Buffer.concat(all)), uploadedAt: now() });
      } finally {
        if (uploadId !== undefined) store.uploads.delete(uploadId);
      }
    },
    async get(key, { offset, length }) {
      await up();
      const object = store.objects.get(key);
      return object && (new Blob([object.bytes.slice(offset, offset + length)]).stream() as ReadableStream<Uint8Array>);
    },
    async delete(keys) {
      await up();
      for (const key of keys) store.objects.delete(key);
    },
    async abort(_, uploadId) {
      await up();
      store.uploads.delete(uploadId);
    },
    async list(after, limit) {
      await up();
      const keys = [...store.objects].filter(([key]) => key > after).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return keys.slice(0, limit).map(([key, { uploadedAt }]) => ({ key, uploadedAt }));
    },
  };
  return store;
}

/** What the Workers runtime's streams do, on Node. */
export const nodeStreams: Streams = {
  sha256() {
    const hash = createHash("sha256");
    return {
      update: async (bytes) => void hash.update(bytes),
      end: async () => hash.digest("hex"),
    };
  },
  ofLength: (stream) => stream,
};
