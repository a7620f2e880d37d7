import { Worker } from "node:worker_threads";
import type { AboutFile } from "../content/media.ts";

export type Tracks = Pick<AboutFile, "width" | "height" | "seconds">;

export interface FileToRead {
  path: string;
  mimeType: string;
}

const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 };

/**
 * The length of an audio or a video, and the size of the picture as it is shown. What cannot be read is left out. The file
 * is a stranger's: it is read in a thread of its own, with limits of time and memory, and without the environment.
 */
export function readTracks(path: string, mimeType: string, timeoutMs = 10_000): Promise<Tracks> {
  return new Promise((resolve) => {
    const workerData: FileToRead = { path, mimeType };
    const worker = new Worker(new URL("./read-tracks-worker.ts", import.meta.url), {
      workerData,
      resourceLimits,
      env: {},
    });
    const timer = setTimeout(() => void worker.terminate(), timeoutMs);
    let tracks: Tracks = {};
    worker.once("message", (read: Tracks) => (tracks = read));
    worker.once("error", () => (tracks = {}));
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve(tracks);
    });
  });
}
