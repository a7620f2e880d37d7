import { mediaContentPath } from "@sandi/contracts";
import { chunkBytes } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { addMedia, asConnector, bytesOf, pattern, sha256 } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

describe("a connector that reads a file", () => {
  it.each([1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes + 7])(
    "of %i bytes gets the plaintext with its type, length and hash",
    async (size) => {
      const file = pattern(size);
      const { id } = await addMedia(edge, file, { fileName: "a “b”.pdf" });
      const answer = await asConnector(edge, id);
      expect(answer.status).toBe(200);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        "content-type": "application/pdf",
        "content-length": String(size),
        etag: `"${sha256(file)}"`,
        "accept-ranges": "bytes",
      });
      expect(sha256(await bytesOf(answer))).toBe(sha256(file));
    },
  );

  it("gets any range", async () => {
    const file = pattern(2 * chunkBytes + 100);
    const { id } = await addMedia(edge, file);
    const last = file.length - 1;
    for (const [from, to] of [
      [0, 0],
      [0, last],
      [chunkBytes - 1, chunkBytes],
      [chunkBytes, 2 * chunkBytes - 1],
      [5, 2 * chunkBytes + 3],
      [last, last],
    ] as const) {
      const answer = await asConnector(edge, id, { range: `bytes=${from}-${to}` });
      expect([answer.status, answer.headers.get("content-range")]).toEqual([206, `bytes ${from}-${to}/${file.length}`]);
      expect(sha256(await bytesOf(answer))).toBe(sha256(file.slice(from, to + 1)));
    }
  });

  it("gets an answer that breaks off if the object was changed, cut or exchanged", async () => {
    const file = pattern(3 * chunkBytes);
    const { id, objectKey } = await addMedia(edge, file);
    const whole = edge.media.objects.get(objectKey)!;
    const other = edge.media.objects.get((await addMedia(edge, pattern(3 * chunkBytes, 2))).objectKey)!;
    const changed = whole.bytes.slice();
    changed[chunkBytes + 20]! ^= 1;
    const [first, second] = [
      whole.bytes.slice(0, chunkBytes + 16),
      whole.bytes.slice(chunkBytes + 16, 2 * chunkBytes + 32),
    ];
    const swapped = new Uint8Array([...second, ...first, ...whole.bytes.slice(2 * chunkBytes + 32)]);
    for (const bytes of [changed, whole.bytes.slice(0, 2 * chunkBytes + 32), swapped, other.bytes]) {
      edge.media.objects.set(objectKey, { ...whole, bytes });
      const answer = await asConnector(edge, id);
      await expect(answer.arrayBuffer()).rejects.toThrow();
    }
    edge.media.objects.set(objectKey, whole);
    expect(sha256(await bytesOf(await asConnector(edge, id)))).toBe(sha256(file));
  });

  it("gets 404 for a file of the sandbox, an expired one, one without an object, and an unknown one", async () => {
    const sandbox = await addMedia(edge, pattern(9), { test: 1 });
    const expired = await addMedia(edge, pattern(9), { expiresAt: edge.services.now().getTime() });
    const lost = await addMedia(edge, pattern(9));
    edge.media.objects.delete(lost.objectKey);
    for (const id of [sandbox.id, expired.id, lost.id, `med_${"0".repeat(26)}`, "nonsense"]) {
      expect((await asConnector(edge, id)).status).toBe(404);
    }
    expect(edge.logs).toEqual([`the store has no object for ${lost.id}`]);
  });

  it("gets 503 while the store does not answer", async () => {
    const { id } = await addMedia(edge, pattern(9));
    edge.media.isDown = true;
    const answer = await asConnector(edge, id);
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: "media-unavailable", retryAfter: 1 }]);
  });

  it("needs a token for this file, once", async () => {
    const [one, two] = [await addMedia(edge, pattern(9)), await addMedia(edge, pattern(9))];
    const token = await edge.sign({ method: "GET", path: mediaContentPath(one.id), body: "" });
    const read = (id: string, authorization?: string) =>
      edge.fetch(
        new Request(`https://api.test${mediaContentPath(id)}`, authorization ? { headers: { authorization } } : {}),
      );
    expect((await read(one.id)).status).toBe(401);
    expect((await read(two.id, `Bearer ${token}`)).status).toBe(401);
    expect((await read(one.id, `Bearer ${edge.workspace.key}`)).status).toBe(401);
    expect((await read(one.id, `Bearer ${token}`)).status).toBe(200);
    expect((await read(one.id, `Bearer ${token}`)).status).toBe(401);
  });
});
