import { expect, it } from "vitest";
import { chunkBytes, createChunkSealer, sealedChunkBytes, webRandom } from "../src/index.ts";

const plain = webRandom(1_000);

it("a sealed chunk opens at its own place only", async () => {
  const sealer = await createChunkSealer(webRandom(32));
  const sealed = await sealer.seal(plain, { index: 3, isLast: false });
  expect(await sealer.open(sealed, { index: 3, isLast: false })).toEqual(plain);
  for (const place of [
    { index: 2, isLast: false },
    { index: 3, isLast: true },
    { index: 3 + 2 ** 16, isLast: false },
  ]) {
    await expect(sealer.open(sealed, place)).rejects.toThrow();
  }
});

it("a sealed chunk does not open when it was changed, or under another key", async () => {
  const sealer = await createChunkSealer(webRandom(32));
  const sealed = await sealer.seal(plain, { index: 0, isLast: true });
  const other = await createChunkSealer(webRandom(32));
  await expect(other.open(sealed, { index: 0, isLast: true })).rejects.toThrow();
  sealed[500]! ^= 1;
  await expect(sealer.open(sealed, { index: 0, isLast: true })).rejects.toThrow();
});

it("sealing adds the same number of bytes to every chunk", async () => {
  const sealer = await createChunkSealer(webRandom(32));
  const sealed = await sealer.seal(webRandom(chunkBytes), { index: 0, isLast: false });
  expect(sealed.length).toBe(sealedChunkBytes);
});

it("a key of another length is refused", async () => {
  await expect(createChunkSealer(webRandom(16))).rejects.toThrow("32 bytes");
});
