import { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import type { MessageFile, Simulator } from "../api.ts";
import { rangeOf } from "../media/range.ts";
import { json } from "./body.ts";
import { parseMessage } from "./schemas.ts";

/** What a browser may show by itself; everything else is saved. */
const shownInline = /^(image\/(png|jpeg|gif|webp)|video\/(mp4|webm)|audio\/[\w.+-]+)$/;

/** Messages and their files. A message is written on the phone in the path. */
export function messageRoutes(simulator: Simulator): Hono {
  const app = new Hono();
  app.get("/phones/:number/messages", (c) => c.json(simulator.messages(c.req.param("number"))));
  app.post("/phones/:number/messages", async (c) =>
    c.json(await simulator.send(c.req.param("number"), parseMessage(await json(c))), 201),
  );
  app.get("/phones/:number/messages/:id/media", (c) =>
    sendFile(c, simulator.file(c.req.param("number"), c.req.param("id"))),
  );
  app.post("/files", async (c) => c.json(await simulator.addFile(c.req.raw.body ?? Readable.from([])), 201));
  return app;
}

/** The file is a stranger's: no page of ours may run it. */
function sendFile(c: Context, { mimeType, sizeBytes, fileName = "file", read }: MessageFile): Response {
  const range = rangeOf(c.req.header("range"), sizeBytes);
  if (!range) return c.body(null, 416, { "content-range": `bytes */${sizeBytes}` });
  const type = mimeType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const isInline = shownInline.test(type);
  const name = encodeURIComponent(fileName);
  const isPart = c.req.header("range") !== undefined;
  const headers = {
    "content-type": isInline ? type : "application/octet-stream",
    "content-length": String(range.end - range.start + 1),
    "content-disposition": `${isInline ? "inline" : "attachment"}; filename*=UTF-8''${name}`,
    "content-security-policy": "default-src 'none'; sandbox",
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=3600",
    ...(isPart && { "content-range": `bytes ${range.start}-${range.end}/${sizeBytes}` }),
  };
  if (sizeBytes === 0) return c.body(null, 200, headers);
  return c.body(Readable.toWeb(read(range)) as ReadableStream, isPart ? 206 : 200, headers);
}
