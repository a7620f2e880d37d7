import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTracks } from "../src/media/read-tracks.ts";
import { mediaFile } from "./support/media-files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-tracks-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** So many frames of 20 ms, which are as long as their kind says. */
const amr = (head: string, { kind, bytes }: { kind: number; bytes: number }, frames: number) =>
  Buffer.concat([
    Buffer.from(head),
    ...Array.from({ length: frames }, () => Buffer.concat([Buffer.of(kind << 3), Buffer.alloc(bytes, 0xff)])),
  ]);

/** Silence: one byte for each sample, 8000 in a second. */
function wav(seconds: number): Buffer {
  const head = Buffer.from("RIFF____WAVEfmt \u0010\0\0\0\u0001\0\u0001\0________\u0001\0\u0008\0data____", "latin1");
  head.writeUInt32LE(36 + seconds * 8000, 4);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(8000, 28);
  head.writeUInt32LE(seconds * 8000, 40);
  return Buffer.concat([head, Buffer.alloc(seconds * 8000, 0x80)]);
}

describe("a video", () => {
  test.each([
    ["with sound that is shorter", "clip.mp4", "video/mp4", { width: 64, height: 36, seconds: 3 }],
    ["that a phone shows upright", "turned.mp4", "video/mp4", { width: 36, height: 64, seconds: 3 }],
    ["in fragments", "fragments.mp4", "video/mp4", { width: 64, height: 36, seconds: 3 }],
    ["of QuickTime, without sound", "clip.mov", "video/quicktime", { width: 64, height: 36, seconds: 3 }],
    ["of 3GP, with an old codec", "clip.3gp", "video/3gpp", { width: 128, height: 96, seconds: 3 }],
  ])("%s has its length and its size", async (_name, file, mimeType, tracks) => {
    expect(await readTracks(mediaFile(file), mimeType)).toEqual(tracks);
  });
});

describe("an audio", () => {
  test.each([
    ["MP3", "song.mp3", "audio/mpeg"],
    ["MP4", "song.m4a", "audio/mp4"],
    ["AAC", "song.aac", "audio/aac"],
    ["Ogg with Vorbis", "song.ogg", "audio/ogg"],
    ["Ogg with Opus", "note.ogg", "audio/ogg"],
  ])("of %s has its length", async (_name, file, mimeType) => {
    expect(await readTracks(mediaFile(file), mimeType)).toEqual({ seconds: 2 });
  });

  test.each([
    ["WAV", "audio/wav", wav(2), { seconds: 2 }],
    ["AMR", "audio/amr", amr("#!AMR\n", { kind: 7, bytes: 31 }, 5000), { seconds: 100 }],
    ["AMR with a wide band", "audio/amr", amr("#!AMR-WB\n", { kind: 2, bytes: 32 }, 150), { seconds: 3 }],
  ])("of %s that is made here has its length", async (name, mimeType, bytes, tracks) => {
    expect(await readTracks(await written(name, bytes), mimeType)).toEqual(tracks);
  });

  test("shorter than half a second lasts one", async () => {
    const path = await written("short", amr("#!AMR\n", { kind: 0, bytes: 12 }, 3));
    expect(await readTracks(path, "audio/amr")).toEqual({ seconds: 1 });
  });
});

describe("a file that cannot be read", () => {
  test.each([
    ["is empty", "audio/amr", Buffer.alloc(0)],
    ["is no AMR", "audio/amr", Buffer.from("#!AMS\nnothing")],
    ["is no video", "video/mp4", Buffer.from("\0\0\0\u0018ftypisom and no more", "latin1")],
  ])("says nothing: it %s", async (name, mimeType, bytes) => {
    expect(await readTracks(await written(name, bytes), mimeType)).toEqual({});
  });

  test("says nothing: it is a playlist, which names another file", async () => {
    await copyFile(mediaFile("song.aac"), join(folder, "song.aac"));
    const lines = [
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      "#EXT-X-TARGETDURATION:3",
      "#EXTINF:2.0,",
      "song.aac",
      "#EXT-X-ENDLIST",
    ];
    const path = await written("playlist", Buffer.from(lines.join("\n")));
    expect(await readTracks(path, "audio/aac")).toEqual({});
  });

  test("says nothing: it is not there", async () => {
    expect(await readTracks(join(folder, "none"), "audio/mpeg")).toEqual({});
  });

  test("says nothing: its header is cut", async () => {
    const clip = await readFile(mediaFile("clip.mp4"));
    expect(await readTracks(await written("cut", clip.subarray(0, -700)), "video/mp4")).toEqual({});
  });

  test("says nothing of a size and a length that no message can hold", async () => {
    const clip = await readFile(mediaFile("clip.mov"));
    clip.fill(0, clip.indexOf("avc1") + 28, clip.indexOf("avc1") + 32);
    // One frame lasts 68 years.
    clip.writeUInt32BE(1, clip.indexOf("mdhd") + 16);
    clip.writeUInt32BE(0x7fffffff, clip.indexOf("stts") + 16);
    expect(await readTracks(await written("strange", clip), "video/quicktime")).toEqual({});
  });

  test("says nothing: its time is over", async () => {
    expect(await readTracks(mediaFile("clip.mp4"), "video/mp4", 0)).toEqual({});
  });
});
