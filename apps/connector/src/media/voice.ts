import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { MediaFailed } from "./failed.ts";
import type { Prepared } from "./pictures.ts";

/** Where phones find the loudness of a voice note. */
const places = 64;
const pcmRate = 8000;
const windowSamples = 800;
const convertMs = 60_000;
const mostBytes = 16_000_000;
const opusRate = 48_000;

/** The demuxers of ffmpeg, by media type. A fixed one reads no playlist, which could name other files. */
const demuxers: Record<string, string> = {
  "audio/mpeg": "mp3",
  "audio/mp4": "mov",
  "audio/aac": "aac",
  "audio/ogg": "ogg",
  "audio/amr": "amr",
  "audio/wav": "wav",
};

/** A voice note of Ogg with Opus, which phones play: the file itself, or one that ffmpeg makes of it. */
export async function makeVoice(ffmpeg: string, path: string, mimeType: string): Promise<Prepared> {
  const made = (await isOpus(path)) ? path : await converted(ffmpeg, path, mimeType);
  const seconds = await secondsOf(made);
  const waveform = await waveformOf(ffmpeg, made);
  const about = { ...(seconds ? { seconds } : {}), ...(waveform ? { waveform } : {}) };
  return { path: made, mimeType: "audio/ogg; codecs=opus", about };
}

async function converted(ffmpeg: string, path: string, mimeType: string): Promise<string> {
  const made = join(path, "..", "voice.ogg");
  const input = ["-protocol_whitelist", "file", "-f", demuxers[mimeType] ?? "mp3", "-i", path];
  const output = ["-vn", "-map_metadata", "-1", "-ac", "1", "-ar", "16000", "-c:a", "libopus", "-b:a", "24k"];
  const limits = ["-application", "voip", "-fs", String(mostBytes), "-f", "ogg", "-y", made];
  const code = await run(ffmpeg, [...input, ...output, ...limits]);
  if (code === null) throw new MediaFailed("transcoder_missing", "this connector has no ffmpeg");
  if (code !== 0 || !(await isOpus(made))) throw new MediaFailed("media_refused", "ffmpeg cannot read the file");
  return made;
}

/** Loudness from 0 to 100 at 64 places; null without ffmpeg. */
async function waveformOf(ffmpeg: string, path: string): Promise<Uint8Array | null> {
  const loudness: number[] = [];
  let [sum, count, odd] = [0, 0, Buffer.alloc(0)];
  const input = ["-protocol_whitelist", "file", "-f", "ogg", "-i", path];
  const code = await run(ffmpeg, [...input, "-ac", "1", "-ar", String(pcmRate), "-f", "s16le", "pipe:1"], (chunk) => {
    const pcm = Buffer.concat([odd, chunk]);
    const whole = pcm.length - (pcm.length % 2);
    odd = Buffer.from(pcm.subarray(whole));
    for (let at = 0; at < whole; at += 2) {
      sum += Math.abs(pcm.readInt16LE(at));
      if (++count < windowSamples) continue;
      loudness.push(sum / count);
      [sum, count] = [0, 0];
    }
  });
  const loudest = Math.max(...loudness.slice(0, 100_000), 1);
  if (code !== 0 || loudness.length === 0) return null;
  return Uint8Array.from({ length: places }, (_, place) => {
    const from = Math.floor((place * loudness.length) / places);
    const to = Math.max(from + 1, Math.floor(((place + 1) * loudness.length) / places));
    const part = loudness.slice(from, to);
    return Math.min(100, Math.round((100 * part.reduce((a, b) => a + b, 0)) / part.length / loudest));
  });
}

/** Runs ffmpeg without a shell, for a minute at most. Answers with its exit code; null when there is none on this machine. */
function run(ffmpeg: string, parameters: string[], onOutput?: (chunk: Buffer) => void): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(ffmpeg, ["-nostdin", "-hide_banner", "-loglevel", "error", ...parameters], {
      stdio: ["ignore", onOutput ? "pipe" : "ignore", "ignore"],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      timeout: convertMs,
      killSignal: "SIGKILL",
    });
    child.stdout?.on("data", (chunk: Buffer) => onOutput?.(chunk));
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(null);
      else reject(error);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
}

const headBytes = 64;
const tailBytes = 64 * 1024;

/** Whether a file is Ogg with Opus (RFC 7845): the first page holds nothing but the header `OpusHead`. */
async function isOpus(path: string): Promise<boolean> {
  const head = await partOf(path, (size) => ({ at: 0, length: Math.min(size, headBytes) })).catch(() =>
    Buffer.alloc(0),
  );
  return head.subarray(0, 4).toString("latin1") === "OggS" && head.includes("OpusHead");
}

/** The length by the last page, whose position counts samples of 48 kHz; null when it does not say. */
async function secondsOf(path: string): Promise<number | null> {
  const tail = await partOf(path, (size) => ({ at: Math.max(0, size - tailBytes), length: Math.min(size, tailBytes) }));
  const page = tail.lastIndexOf("OggS");
  if (page < 0 || page + 14 > tail.length) return null;
  const samples = Number(tail.readBigInt64LE(page + 6));
  return samples > 0 ? Math.max(1, Math.round(samples / opusRate)) : null;
}

async function partOf(path: string, which: (size: number) => { at: number; length: number }): Promise<Buffer> {
  const file = await open(path);
  try {
    const { at, length } = which((await file.stat()).size);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
