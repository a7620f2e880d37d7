import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";

export const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Bytes that do not repeat, so that a wrong order is seen. */
export function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** A chunk of a PNG: its length, type, data and checksum. */
function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, check]);
}

/** A PNG with so many pixels. */
export function pngOf(width: number, height: number): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits of red, green and blue.
  head.set([8, 2], 8);
  const pixels = noise(height * (width * 3 + 1));
  // Each line begins with its filter: none.
  for (let line = 0; line < height; line++) pixels[line * (width * 3 + 1)] = 0;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A page of an Ogg file, at a position in samples. */
function page(position: number, body: Buffer): Buffer {
  const head = Buffer.alloc(28);
  head.write("OggS");
  head.writeBigInt64LE(BigInt(position), 6);
  head[26] = 1;
  head[27] = body.length;
  return Buffer.concat([head, body]);
}

/** The pages of an Ogg file with Opus that says to last so many seconds. */
export function oggOpus(seconds: number): Buffer {
  const header = Buffer.from("OpusHead\u0001\u0001\u0000\u0000\u0080\u00bb\u0000\u0000\u0000\u0000\u0000", "latin1");
  return Buffer.concat([page(0, header), page(seconds * 48_000, noise(200))]);
}

/** A small file that ffmpeg made, such as `clip.mp4`: 3 s of a test picture, or 2 s of a tone. */
export const recorded = (name: string): Buffer =>
  readFileSync(new URL(`../../../apps/connector/test/media/${name}`, import.meta.url));

/** The beginning of an MP4, and noise behind it. */
export const mp4Of = (size: number): Buffer =>
  Buffer.concat([
    Buffer.from("\u0000\u0000\u0000\u0018ftypisom\u0000\u0000\u0002\u0000isomiso2", "latin1"),
    noise(size),
  ]);

/** The first frames of an MP3, and noise behind them. */
export const mp3Of = (size: number): Buffer =>
  Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 3, 0, 0, 0, 0, 0, 0, 0xff, 0xfb, 0x90, 0x64]), noise(size)]);
