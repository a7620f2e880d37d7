import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { text } from "../src/content/text.ts";
import { createFolder } from "../src/media/folder.ts";
import { createMakePreview } from "../src/media/make-preview.ts";

let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "sandi-preview-"));
});
afterAll(() => rm(place, { recursive: true, force: true }));

type Files = Parameters<typeof createMakePreview>[0]["files"];
const makerOf = (read: () => Promise<Buffer | null>) =>
  createMakePreview({
    folder: createFolder(place),
    files: { read: async () => read().then((bytes) => bytes && Readable.from([bytes])) } as unknown as Files,
  });
const sealed = (bytes: Buffer, more: object = {}) => ({
  mediaId: `med_${"0".repeat(26)}`,
  mimeType: "image/png",
  sizeBytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  ...more,
});

test("a picture becomes a small JPEG of at most 64 KiB, and its folder is deleted", async () => {
  // Noise is what JPEG compresses worst.
  const [width, height] = [900, 600];
  const png = await sharp(randomBytes(width * height * 4), { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
  const made = await makerOf(() => Promise.resolve(png))(sealed(png));
  expect(made!.length).toBeLessThanOrEqual(64 * 1024);
  expect(await sharp(made!).metadata()).toMatchObject({ format: "jpeg", width: 320, height: 213 });
  expect(await readdir(place)).toEqual([]);
});

test.each([
  ["is none", () => Promise.resolve(Buffer.from("no picture")), Buffer.from("no picture"), {}],
  ["is gone", () => Promise.resolve(null), Buffer.from("x"), {}],
  ["is another one", () => Promise.resolve(Buffer.from("other")), Buffer.from("x"), {}],
  ["is too large", () => Promise.reject(new Error("it is read")), Buffer.from("x"), { sizeBytes: 5_000_001 }],
])("a picture that %s is left out", async (_name, read, bytes, more) => {
  expect(await makerOf(read)(sealed(bytes, more))).toBeNull();
});

test("a picture is tried again when the edge does not answer", async () => {
  const make = makerOf(() => Promise.reject(new Error("no answer")));
  await expect(make(sealed(Buffer.from("x")))).rejects.toThrow("no answer");
});

test("the card of a link has the picture", () => {
  const linkPreview = { url: "https://acme.example", title: "Acme" };
  const picture = new Uint8Array([1]);
  const message = text.toProto(
    { type: "text", text: "https://acme.example", linkPreview },
    { template: null, file: null, picture },
  );
  expect(message?.extendedTextMessage?.jpegThumbnail).toEqual(picture);
});
