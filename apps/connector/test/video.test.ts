import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aboutVideo } from "../src/media/video.ts";
import { mediaFile } from "./support/media-files.ts";
import { programOf } from "./support/programs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-video-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const clip = mediaFile("clip.mp4");
const tracks = { width: 64, height: 36, seconds: 3 };

describe("a video", () => {
  test("has a picture of at most 72 by 72 that ffmpeg makes, without a shell", async () => {
    const { program, calls } = await programOf(folder, "ffmpeg", "printf jpeg");
    const { thumbnail, ...about } = await aboutVideo(program, clip, "video/mp4");
    expect(about).toEqual(tracks);
    expect(Buffer.from(thumbnail!).toString()).toBe("jpeg");
    const [only, ...others] = await calls();
    expect(others).toEqual([]);
    expect(only).toContain(`-protocol_whitelist file -f mov -i ${clip} `);
    expect(only).toContain("scale=72:72:force_original_aspect_ratio=decrease");
  });

  test.each([
    ["is not there", null],
    ["fails", "printf jpeg; exit 1"],
    ["makes nothing", "exit 0"],
    ["makes too much", "head -c 17000 /dev/zero"],
    ["is killed", "printf jpeg; kill -9 $$"],
  ])("has no picture when ffmpeg %s", async (name, script) => {
    const program = script === null ? "/none/ffmpeg" : (await programOf(folder, name, script)).program;
    expect(await aboutVideo(program, clip, "video/mp4")).toEqual(tracks);
  });

  test("has no picture when ffmpeg may not be run", async () => {
    expect(await aboutVideo(folder, clip, "video/mp4")).toEqual(tracks);
  });
});
