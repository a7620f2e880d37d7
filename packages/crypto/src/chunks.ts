/** Bytes of plaintext in each chunk but the last. */
export const chunkBytes = 64 * 1024;
/** The same chunk when it is sealed: with the 16 bytes that authenticate it. */
export const sealedChunkBytes = chunkBytes + 16;

/** Which chunk of an object it is. */
export interface ChunkPlace {
  index: number;
  isLast: boolean;
}

/** Seals the chunks of one object, so that each can be opened alone. */
export interface ChunkSealer {
  seal(chunk: Uint8Array<ArrayBuffer>, place: ChunkPlace): Promise<Uint8Array<ArrayBuffer>>;
  /** Rejects when the chunk was changed, moved, or is not the last one as `place` says. */
  open(sealed: Uint8Array<ArrayBuffer>, place: ChunkPlace): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * AES-256-GCM with the chunk's place as the nonce (STREAM of Hoang, Reyhanitabar, Rogaway and Vizár): an object cannot be
 * cut, extended or reordered. So a key must seal one object only.
 * @param key 32 random bytes
 */
export async function createChunkSealer(key: Uint8Array<ArrayBuffer>): Promise<ChunkSealer> {
  if (key.length !== 32) throw new RangeError("the key of an object has 32 bytes");
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  return {
    seal: async (chunk, place) => new Uint8Array(await crypto.subtle.encrypt(parameters(place), imported, chunk)),
    open: async (sealed, place) => new Uint8Array(await crypto.subtle.decrypt(parameters(place), imported, sealed)),
  };
}

function parameters({ index, isLast }: ChunkPlace) {
  const iv = new Uint8Array(12);
  const view = new DataView(iv.buffer);
  view.setUint32(7, index);
  view.setUint8(11, isLast ? 1 : 0);
  return { name: "AES-GCM", iv };
}
