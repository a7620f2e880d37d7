import { open } from "node:fs/promises";
import { join } from "node:path";
import { known } from "../content/media.ts";
import { MediaFailed } from "./failed.ts";
import { reading, runFfmpeg } from "./ffmpeg.ts";
import type { Prepared } from "./pictures.ts";
import { readTracks } from "./read-tracks.ts";

/** Where phones find the loudness of a voice note. */
const places = 64;
const pcmRate = 8000;
const windowSamples = 800;
const timeoutMs = 60_000;
const mostBytes = 16_000_000;

/** A voice note of Ogg with Opus, which phones play: the file itself, or one that ffmpeg makes of it. */
export async function makeVoice(ffmpeg: string, path: string, mimeType: string): Promise<Prepared> {
  const made = (await isOpus(path)) ? path : await converted(ffmpeg, path, mimeType);
  const about = { ...(await readTracks(made, "audio/ogg")), ...known({ waveform: await waveformOf(ffmpeg, made) }) };
  return { path: made, mimeType: "audio/ogg; codecs=opus", about };
}

async function converted(ffmpeg: string, path: string, mimeType: string): Promise<string> {
  const made = join(path, "..", "voice.ogg");
  const output = ["-vn", "-map_metadata", "-1", "-ac", "1", "-ar", "16000", "-c:a", "libopus", "-b:a", "24k"];
  const limits = ["-application", "voip", "-fs", String(mostBytes), "-f", "ogg", "-y", made];
  const code = await runFfmpeg(ffmpeg, [...reading(path, mimeType), ...output, ...limits], { timeoutMs });
  if (code === null) throw new MediaFailed("transcoder_missing", "this connector has no ffmpeg");
  if (code !== 0 || !(await isOpus(made))) throw new MediaFailed("media_refused", "ffmpeg cannot read the file");
  return made;
}

/** Loudness from 0 to 100 at 64 places; undefined without ffmpeg. */
async function waveformOf(ffmpeg: string, path: string): Promise<Uint8Array | undefined> {
  const loudness: number[] = [];
  let [sum, count, odd] = [0, 0, Buffer.alloc(0)];
  const onOutput = (chunk: Buffer) => {
    const pcm = Buffer.concat([odd, chunk]);
    const whole = pcm.length - (pcm.length % 2);
    odd = Buffer.from(pcm.subarray(whole));
    for (let at = 0; at < whole; at += 2) {
      sum += Math.abs(pcm.readInt16LE(at));
      if (++count < windowSamples) continue;
      loudness.push(sum / count);
      [sum, count] = [0, 0];
    }
  };
  const output = ["-ac", "1", "-ar", String(pcmRate), "-f", "s16le", "pipe:1"];
  const code = await runFfmpeg(ffmpeg, [...reading(path, "audio/ogg"), ...output], { timeoutMs, onOutput });
  const loudest = Math.max(...loudness.slice(0, 100_000), 1);
  if (code !== 0 || loudness.length === 0) return undefined;
  return Uint8Array.from({ length: places }, (_, place) => {
    const from = Math.floor((place * loudness.length) / places);
    const to = Math.max(from + 1, Math.floor(((place + 1) * loudness.length) / places));
    const part = loudness.slice(from, to);
    return Math.min(100, Math.round((100 * part.reduce((a, b) => a + b, 0)) / part.length / loudest));
  });
}

const headBytes = 64;

/** Whether a file is Ogg with Opus (RFC 7845): the first page holds nothing but the header `OpusHead`. */
async function isOpus(path: string): Promise<boolean> {
  const head = await headOf(path).catch(() => Buffer.alloc(0));
  return head.subarray(0, 4).toString("latin1") === "OggS" && head.includes("OpusHead");
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
