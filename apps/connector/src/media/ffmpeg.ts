import { spawn } from "node:child_process";

/** The demuxers of ffmpeg, by media type. A fixed one reads no playlist, which could name other files. */
const demuxers: Record<string, string> = {
  "audio/mpeg": "mp3",
  "audio/mp4": "mov",
  "audio/aac": "aac",
  "audio/ogg": "ogg",
  "audio/amr": "amr",
  "audio/wav": "wav",
  "video/mp4": "mov",
  "video/3gpp": "mov",
  "video/quicktime": "mov",
};

/** The parameters with which ffmpeg reads a file of this media type, and no other file. */
export const reading = (path: string, mimeType: string): string[] => [
  "-protocol_whitelist",
  "file",
  "-f",
  demuxers[mimeType] ?? "mp3",
  "-i",
  path,
];

interface Options {
  timeoutMs: number;
  onOutput?: (chunk: Buffer) => void;
}

/** Runs ffmpeg without a shell. Answers with its exit code; null when there is none on this machine. */
export function runFfmpeg(
  ffmpeg: string,
  parameters: string[],
  { timeoutMs, onOutput }: Options,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(ffmpeg, ["-nostdin", "-hide_banner", "-loglevel", "error", ...parameters], {
      stdio: ["ignore", onOutput ? "pipe" : "ignore", "ignore"],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      timeout: timeoutMs,
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
