import { type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { makeCertificate } from "./certificate.ts";

const bytesAtMost = 64 * 1024 * 1024;
const filesAtMost = 100;
/** The token of `media_conn` for uploads. */
export const mediaAuth = "sim";

/** A request to the media server, with the port that it came from. */
export interface MediaRequest {
  method: string;
  path: string;
  remotePort: number;
}

/** Takes uploads and answers downloads over https, as WhatsApp's own hosts do. */
export interface MediaServer {
  /** Name and port, as in `media_conn`. */
  host: string;
  /** PEM; a client must be set up to trust it. */
  certificate: string;
  /** All requests, oldest first. */
  requests: MediaRequest[];
  close(): Promise<void>;
}

/** Starts a media server on loopback. It keeps the last hundred files, encrypted as they came. */
export async function startMedia(now: Date): Promise<MediaServer> {
  const { key, certificate } = makeCertificate(now);
  const files = new Map<string, Buffer>();
  const requests: MediaRequest[] = [];
  let host = "";

  async function store(request: IncomingMessage, url: URL): Promise<[number, object]> {
    if (url.searchParams.get("auth") !== mediaAuth) return [401, { error: "unauthorized" }];
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bytesAtMost) return [413, { error: "too large" }];
      chunks.push(chunk);
    }
    files.set(url.pathname, Buffer.concat(chunks));
    for (const oldest of [...files.keys()].slice(0, -filesAtMost)) files.delete(oldest);
    return [200, { url: `https://${host}${url.pathname}`, direct_path: url.pathname }];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "/" } = request;
    requests.push({ method, path, remotePort: request.socket.remotePort ?? 0 });
    const url = new URL(path, `https://${host}`);
    if (method === "POST") {
      const [status, body] = await store(request, url);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      return;
    }
    const file = method === "GET" ? files.get(url.pathname) : undefined;
    response.writeHead(file ? 200 : 404, { "content-type": "application/octet-stream" }).end(file);
  }

  const server = createServer({ key, cert: certificate }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  // One request a connection: a kept connection would bypass a proxy that was set since.
  server.maxRequestsPerSocket = 1;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  host = `localhost:${(server.address() as AddressInfo).port}`;
  return {
    host,
    certificate,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
