import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { download } from "./download.ts";
import type { Hosting } from "./exchange.ts";
import { FileStore } from "./store.ts";
import { upload } from "./upload.ts";

/** Marks the requests of phones, which are not in `requests`. */
export const phoneHeader = "x-simulated-phone";

/** A request to a media host, with the port that it came from. */
export interface MediaRequest {
  method: string;
  path: string;
  remotePort: number;
}

/** What outlives a restart: messages name the hosts by their ports, and clients trust the certificate. */
export interface StoredMedia extends Certificate {
  ports: number[];
}

/** The media hosts take uploads and answer downloads over https, as WhatsApp's own do. */
export interface MediaServer {
  /** The first of `hosts`. */
  host: string;
  /** Names and ports, as in `media_conn`. All hosts have the same files. */
  hosts: string[];
  /** PEM; a client must be set up to trust it. */
  certificate: string;
  /** The token of `media_conn` for uploads. */
  auth: string;
  /** The requests of companions, oldest first. */
  requests: MediaRequest[];
  close(): Promise<void>;
}

const hostsCount = 2;
const requestsKept = 1000;

/** Starts the media hosts on loopback, on the ports that they had before where those are free. */
export async function startMedia(
  folder: string,
  { faults, wait }: Pick<Hosting, "faults" | "wait">,
  stored?: StoredMedia,
): Promise<MediaServer & { toState(): StoredMedia }> {
  const { key, certificate } = stored ?? makeCertificate();
  const auth = randomBytes(24).toString("base64url");
  const hosting: Hosting = { files: await FileStore.open(join(folder, "encrypted")), faults, auth, wait };
  const requests: MediaRequest[] = [];
  const hosts: string[] = [];

  async function answer(index: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "/" } = request;
    const by = request.headers[phoneHeader] === undefined ? "companion" : "phone";
    const isDown = faults.take(
      "media-down",
      undefined,
      undefined,
      (fault) => (fault.host ?? index + 1) === index + 1 && (fault.by ?? by) === by,
    );
    if (isDown) return void request.destroy();
    if (by === "companion") {
      requests.push({ method, path, remotePort: request.socket.remotePort ?? 0 });
      if (requests.length > requestsKept) requests.shift();
    }
    const exchange = { request, response, by, url: new URL(path, `https://${hosts[index]}`) } as const;
    if (method === "POST") return upload(hosting, exchange);
    if (method === "GET" || method === "HEAD") return download(hosting, exchange);
    response.writeHead(405).end();
    return undefined;
  }

  const servers: Server[] = [];
  for (let index = 0; index < hostsCount; index++) {
    const server = createServer({ key, cert: certificate }, (request, response) => {
      answer(index, request, response).catch(() => response.destroy());
    });
    // One request a connection: a kept connection would bypass a proxy that was set since.
    server.maxRequestsPerSocket = 1;
    const port = await listenOn(server, stored?.ports[index]);
    hosts.push(`localhost:${port}`);
    servers.push(server);
  }
  return {
    host: hosts[0] ?? "",
    hosts,
    certificate,
    auth,
    requests,
    close: async () => {
      await Promise.all(servers.map(closed));
    },
    toState: () => ({ key, certificate, ports: hosts.map((host) => Number(host.split(":")[1])) }),
  };
}

/** The wished port, or any when another process has it. */
async function listenOn(server: Server, wished = 0): Promise<number> {
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await listen(wished).catch(() => listen(0));
  return (server.address() as AddressInfo).port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
