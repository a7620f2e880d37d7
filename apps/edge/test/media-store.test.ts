import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@sandi/contracts";
import { r2Store } from "../src/media/r2-store.ts";
import type { MediaStore } from "../src/media/store.ts";
import { memoryStore } from "./media-memory.ts";
import { bytesOf, pattern, sha256 } from "./media-world.ts";

const part = 5 * 1024 * 1024;
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    modules: [{ type: "ESModule", path: "worker.js", contents: "export default { fetch: () => new Response() }" }],
    compatibilityDate: "2026-11-01",
    r2Buckets: ["MEDIA"],
  }),
);
let bucket: R2Bucket;

beforeAll(async () => {
  bucket = (await miniflare.getR2Bucket("MEDIA")) as unknown as R2Bucket;
});
afterAll(() => miniflare.dispose());

const stores: [name: string, make: () => MediaStore][] = [
  ["R2 in workerd", () => r2Store(bucket, () => undefined)],
  [
    "the tests' memory",
    () =>
      memoryStore(
        () => new Date(),
        () => new AppError("media-unavailable"),
      ),
  ],
];

async function* piecesOf(bytes: Uint8Array<ArrayBuffer>, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = async (store: MediaStore, key: string, offset: number, length: number) => {
  const stream = await store.get(key, { offset, length });
  return stream && sha256(await bytesOf(new Response(stream)));
};

describe.each(stores)("the store of media: %s", (_, make) => {
  it.each([1, 70_000, part, part + 1, 2 * part, 2 * part + 9])("keeps an object of %i bytes", async (size) => {
    const store = make();
    const bytes = pattern(size, size);
    const uploads: string[] = [];
    await store.put("a/1", piecesOf(bytes, 65_552), async (id) => void uploads.push(id));
    expect(uploads).toHaveLength(size > part ? 1 : 0);
    expect(await read(store, "a/1", 0, size)).toBe(sha256(bytes));
    const middle = Math.floor(size / 2);
    expect(await read(store, "a/1", middle, size - middle)).toBe(sha256(bytes.slice(middle)));
    await store.delete(["a/1", "a/unknown"]);
    expect(await read(store, "a/1", 0, 1)).toBeUndefined();
  });

  it.each([100, part + 100])("has no object if its source fails after %i bytes", async (size) => {
    const store = make();
    let upload = "";
    async function* failing() {
      yield* piecesOf(pattern(size), 65_552);
      throw new RangeError("too large");
    }
    const put = store.put("b/1", failing(), async (id) => void (upload = id));
    await expect(put).rejects.toThrow(new RangeError("too large"));
    expect(await read(store, "b/1", 0, 1)).toBeUndefined();
    // Cron may abort what has ended.
    if (upload !== "") await store.abort("b/1", upload);
  });

  it("has no object if the id of its upload could not be noted", async () => {
    const store = make();
    const put = store.put("b/2", piecesOf(pattern(part + 1), 65_552), () => Promise.reject(new Error("no database")));
    await expect(put).rejects.toThrow("no database");
    expect(await read(store, "b/2", 0, 1)).toBeUndefined();
  });

  it("lists objects behind a name, in order", async () => {
    const store = make();
    for (const key of ["c/3", "c/1", "c/2", "d/1"])
      await store.put(key, piecesOf(pattern(3), 3), async () => undefined);
    const keys = async (after: string, limit: number) => (await store.list(after, limit)).map(({ key }) => key);
    expect(await keys("c/", 2)).toEqual(["c/1", "c/2"]);
    expect(await keys("c/1", 10)).toEqual(["c/2", "c/3", "d/1"]);
    const [first] = await store.list("c/", 1);
    expect(Math.abs(first!.uploadedAt.getTime() - Date.now())).toBeLessThan(60_000);
    await store.delete(["c/1", "c/2", "c/3", "d/1"]);
    expect(await keys("", 10)).toEqual([]);
  });
});

describe("R2 in workerd", () => {
  it("forgets the parts of an upload that broke off when they are aborted, also twice", async () => {
    const store = r2Store(bucket, () => undefined);
    const upload = await bucket.createMultipartUpload("e/1");
    await upload.uploadPart(1, pattern(part));
    await store.abort("e/1", upload.uploadId);
    await store.abort("e/1", upload.uploadId);
    await expect(upload.complete([])).rejects.toThrow();
  });

  it("that fails is answered with `media-unavailable`, and the log says why without the object's name", async () => {
    const logs: unknown[][] = [];
    const down = new Proxy(bucket, { get: () => () => Promise.reject(new Error("boom a/1")) });
    const store = r2Store(down, (...line) => logs.push(line));
    await expect(store.get("a/1", { offset: 0, length: 1 })).rejects.toMatchObject({ code: "media-unavailable" });
    expect(logs).toEqual([["the store of media does not answer", new Error("boom a/1")]]);
  });
});
