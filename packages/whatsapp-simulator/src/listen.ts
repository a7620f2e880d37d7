import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { DEFAULT_ORIGIN } from "@whiskeysockets/baileys";
import { type WebSocket, WebSocketServer } from "ws";
import type { Simulator } from "./api.ts";
import { makeControl } from "./control/app.ts";
import { isLoopbackHost } from "./control/guard.ts";

const frameBytesAtMost = 4 * 1024 * 1024;

export interface Listener {
  host: string;
  port: number;
  /** Answers HTTP for this simulator from now on. */
  serve(simulator: Simulator): void;
  close(): Promise<void>;
}

/**
 * One port for both: WebSocket at /ws/chat, HTTP for everything else. Loopback only. `refuse` answers the HTTP status
 * line that a client gets in place of a WebSocket, if there is one.
 */
export async function listen(
  { host, port, refuse }: { host: string; port: number; refuse: () => string | undefined },
  onClient: (socket: WebSocket) => void,
): Promise<Listener> {
  if (!isLoopbackHost(host)) throw new Error(`the simulator listens on loopback only, not on ${host}`);
  let answer: (request: IncomingMessage, response: ServerResponse) => unknown = notYet;
  const server = createServer((request, response) => void answer(request, response));
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: frameBytesAtMost });
  server.on("upgrade", (request, socket, head) => {
    const refusal = refusalOf(request) ?? refuse();
    if (refusal === undefined) return sockets.handleUpgrade(request, socket, head, onClient);
    // Without this listener a reset of the socket would end the process.
    socket.on("error", () => socket.destroy());
    return socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    serve(simulator) {
      answer = getRequestListener(makeControl(simulator).fetch, { overrideGlobalObjects: false });
    },
    close: () => closeServer(server, sockets),
  };
}

/** Why this request gets no WebSocket. Its target can be any text, not always a URL. */
function refusalOf({ url, headers: { host, origin } }: IncomingMessage): string | undefined {
  if (url?.split("?", 1)[0] !== "/ws/chat") return "404 Not Found";
  // Another site's page could connect, too: its Origin or its rebound host name shows it.
  if (!isLoopbackHost(host)) return "403 Forbidden";
  return origin === undefined || origin === DEFAULT_ORIGIN ? undefined : "403 Forbidden";
}

function notYet(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503).end();
}

async function closeServer(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
