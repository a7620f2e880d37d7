import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVoice } from "../src/media/voice.ts";

let folder: string;
let opus: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-voice-"));
  opus = await written("opus", oggOpus(7));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Two pages: the header, and one that ends after so many seconds. */
function oggOpus(seconds: number): Buffer {
  const pages = [0, seconds * 48_000].map((position) => {
    const head = Buffer.alloc(28);
    head.write("OggS");
    head.writeBigInt64LE(BigInt(position), 6);
    return head;
  });
  return Buffer.concat([pages[0]!, Buffer.from("OpusHead"), Buffer.alloc(40), pages[1]!, Buffer.alloc(30)]);
}

async function written(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** A program in place of ffmpeg, which notes its arguments. */
async function programOf(name: string, script: string): Promise<{ program: string; calls: () => Promise<string[]> }> {
  const calls = join(folder, `${name}.calls`);
  const program = await written(name, `#!/bin/sh\necho "$@" >> '${calls}'\n${script}\n`);
  await chmod(program, 0o700);
  return { program, calls: async () => (await readFile(calls, "utf8")).trim().split("\n") };
}

const none = "/none/ffmpeg";

describe("a voice note", () => {
  test("of Ogg with Opus is taken as it is, without ffmpeg too", async () => {
    expect(await makeVoice(none, opus, "audio/ogg")).toEqual({
      path: opus,
      mimeType: "audio/ogg; codecs=opus",
      about: { seconds: 7 },
    });
  });

  test("of another type needs ffmpeg", async () => {
    const song = await written("song.mp3", "ID3 and more");
    await expect(makeVoice(none, song, "audio/mpeg")).rejects.toMatchObject({ reason: "transcoder_missing" });
    const vorbis = await written(
      "vorbis",
      Buffer.concat([Buffer.from("OggS"), Buffer.alloc(24), Buffer.from("vorbis")]),
    );
    await expect(makeVoice(none, vorbis, "audio/ogg")).rejects.toMatchObject({ reason: "transcoder_missing" });
  });

  test("is converted by ffmpeg, without a shell, and has a waveform", async () => {
    // The second call asks for samples: 20 windows, each twice as loud as the one before it at most.
    const pcm = Buffer.alloc(20 * 1600);
    for (let at = 0; at < pcm.length; at += 2) pcm.writeInt16LE(at < pcm.length / 2 ? 5000 : -20_000, at);
    const samples = await written("pcm", pcm);
    const { program, calls } = await programOf(
      "ffmpeg",
      `for last; do :; done; if [ "$last" = pipe:1 ]; then cat '${samples}'; else cp '${opus}' "$last"; fi`,
    );
    const song = await written("a song; $(touch x).mp3", "ID3");
    const { about, ...made } = await makeVoice(program, song, "audio/mpeg");
    expect(made).toEqual({ path: join(folder, "voice.ogg"), mimeType: "audio/ogg; codecs=opus" });
    expect(about.seconds).toBe(7);
    expect([...about.waveform!]).toEqual(Array.from({ length: 64 }, (_, place) => (place < 32 ? 25 : 100)));
    const [first] = await calls();
    expect(first).toContain(`-protocol_whitelist file -f mp3 -i ${song}`);
  });

  test.each([
    ["fails", "exit 1"],
    ["makes nothing", "exit 0"],
    ["makes something else", 'for last; do :; done; echo no > "$last"'],
  ])("that ffmpeg cannot read is refused: it %s", async (name, script) => {
    await rm(join(folder, "voice.ogg"), { force: true });
    const { program } = await programOf(name, script);
    const song = await written("song.mp3", "ID3");
    await expect(makeVoice(program, song, "audio/mpeg")).rejects.toMatchObject({ reason: "media_refused" });
  });
});
