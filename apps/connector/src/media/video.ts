import { type AboutFile, known } from "../content/media.ts";
import { reading, runFfmpeg } from "./ffmpeg.ts";
import { thumbnailEdge } from "./pictures.ts";
import { readTracks } from "./read-tracks.ts";

const timeoutMs = 10_000;
/** A frame of 4K. */
const mostPixels = 4096 * 2304;
/** About two seconds. The first frame is often black. */
const frames = 50;
const mostBytes = 16 * 1024;

/** What phones show of a video before they have it: its length, its size and, with ffmpeg, a picture. */
export async function aboutVideo(ffmpeg: string, path: string, mimeType: string): Promise<AboutFile> {
  const tracks = await readTracks(path, mimeType);
  const thumbnail = await pictureOf(ffmpeg, path, mimeType).catch(() => undefined);
  return known({ ...tracks, thumbnail });
}

/** A small JPEG of the most typical of the first frames; undefined when ffmpeg makes none. */
async function pictureOf(ffmpeg: string, path: string, mimeType: string): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const onOutput = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= mostBytes) chunks.push(chunk);
  };
  const edge = `${thumbnailEdge}:${thumbnailEdge}`;
  const input = ["-threads", "1", "-max_pixels", String(mostPixels), ...reading(path, mimeType)];
  const filter = `scale=${edge}:force_original_aspect_ratio=decrease,setsar=1,thumbnail=${frames}`;
  const output = [
    "-map",
    "0:v:0",
    "-vf",
    filter,
    "-frames:v",
    "1",
    "-c:v",
    "mjpeg",
    "-q:v",
    "5",
    "-f",
    "mjpeg",
    "pipe:1",
  ];
  const code = await runFfmpeg(ffmpeg, [...input, ...output], { timeoutMs, onOutput });
  return code === 0 && size > 0 && size <= mostBytes ? new Uint8Array(Buffer.concat(chunks)) : undefined;
}
