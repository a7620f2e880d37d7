import { pipeline } from "node:stream/promises";
import { rangeOf } from "./range.ts";
import type { Exchange, Hosting } from "./exchange.ts";

const filePath = /^\/v\/t62\.7118-24\/([A-Za-z0-9_-]{43})\.enc$/;
const macBytes = 10;

/** `GET {direct_path}`: whole or a range, whichever host name the client used. */
export async function download(hosting: Hosting, { request, response, by, url }: Exchange): Promise<void> {
  const { files, faults } = hosting;
  const name = filePath.exec(url.pathname)?.[1] ?? "";
  const size = files.size(name);
  const refused = faults.take(
    "media-error",
    undefined,
    undefined,
    (each) => each.at !== "upload" && (each.by ?? by) === by,
  );
  if (refused || size === undefined) {
    response.writeHead(refused?.status ?? 404, { connection: "close" }).end();
    return;
  }
  const range = rangeOf(request.headers.range, size);
  if (!range) {
    response.writeHead(416, { "content-range": `bytes */${size}`, connection: "close" }).end();
    return;
  }
  const damage = faults.take("media-damaged", undefined, undefined, (each) => (each.by ?? by) === by);
  if (damage?.how === "truncated") range.end = range.start + Math.floor((range.end - range.start) / 2);
  const isPart = request.headers.range !== undefined;
  response.writeHead(isPart ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": range.end - range.start + 1,
    "accept-ranges": "bytes",
    ...(isPart && { "content-range": `bytes ${range.start}-${range.end}/${size}` }),
    connection: "close",
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const damaged = damage?.how === "wrong-mac" ? size - macBytes : damage?.how === "tampered" ? 0 : undefined;
  await pipeline(files.read(name, range), withBitFlipped(range.start, damaged), response);
}

/** Changes one bit of the byte at that place of the file. */
function withBitFlipped(start: number, place: number | undefined) {
  return async function* flip(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let at = start;
    for await (const chunk of content) {
      if (place !== undefined && place >= at && place < at + chunk.length) {
        chunk[place - at] = (chunk[place - at] ?? 0) ^ 1;
      }
      at += chunk.length;
      yield chunk;
    }
  };
}
