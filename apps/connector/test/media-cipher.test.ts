import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Damaged, decrypting, encrypting } from "../src/media/cipher.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test("a file of any size in any pieces is the same after both, and one changed byte is noticed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 64 }),
      fc.nat(),
      async (plain, size, place) => {
        const key = { mediaKey: randomBytes(32), type: "audio" } as const;
        const { chunks, hashes } = encrypting(inPieces(plain, size), key);
        const encrypted = await collected(chunks);
        const declared = { ...key, ...hashes(), sizeBytes: plain.length };
        expect((await collected(decrypting(inPieces(encrypted, size), declared))).equals(plain)).toBe(true);
        encrypted[place % encrypted.length]! ^= 1;
        await expect(collected(decrypting(inPieces(encrypted, size), declared))).rejects.toThrow(Damaged);
      },
    ),
  );
});
