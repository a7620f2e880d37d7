import { parentPort, workerData } from "node:worker_threads";
import { ADTS, FilePathSource, Input, Logging, LogLevel, MP3, MP4, OGG, QTFF, WAVE } from "mediabunny";
import { amrSeconds } from "./amr.ts";
import type { FileToRead, Tracks } from "./read-tracks.ts";

/** Formats that hold everything themselves. A playlist could name other files. */
const formats = [MP4, QTFF, MP3, OGG, ADTS, WAVE];

/** What WhatsApp's protocol can hold. */
const most = 2 ** 31 - 1;

Logging.level = LogLevel.Silent;

async function tracksOf({ path, mimeType }: FileToRead): Promise<Tracks> {
  if (mimeType === "audio/amr") return positive({ seconds: await amrSeconds(path) });
  const input = new Input({ source: new FilePathSource(path), formats });
  try {
    const video = mimeType.startsWith("video/") ? await input.getPrimaryVideoTrack() : null;
    const size = video && { width: await video.getDisplayWidth(), height: await video.getDisplayHeight() };
    return positive({ ...size, seconds: await input.computeDuration() });
  } finally {
    input.dispose();
  }
}

/** Whole numbers; a file can say anything. */
const positive = (tracks: Tracks): Tracks =>
  Object.fromEntries(
    Object.entries(tracks)
      .filter(([, value]) => value > 0 && value <= most)
      .map(([name, value]) => [name, Math.max(1, Math.round(value))]),
  );

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(await tracksOf(workerData as FileToRead));
