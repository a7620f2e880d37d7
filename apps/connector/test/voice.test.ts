import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeVoice } from "../src/media/voice.ts";
import { mediaFile } from "./support/media-files.ts";
import { programOf as programIn } from "./support/programs.ts";

/** It lasts two seconds. */
const opus = mediaFile("note.ogg");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-voice-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const programOf = (name: string, script: string) => programIn(folder, name, script);

const none = "/none/ffmpeg";

describe("a voice note", () => {
  test("of Ogg with Opus is taken as it is, without ffmpeg too", async () => {
    expect(await makeVoice(none, opus, "audio/ogg")).toEqual({
      path: opus,
      mimeType: "audio/ogg; codecs=opus",
      about: { seconds: 2 },
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
    expect(about.seconds).toBe(2);
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
