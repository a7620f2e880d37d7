import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { Event } from "@sandi/contracts";

/** A request that the receiver got. */
export interface ReceivedEvent {
  path: string;
  headers: IncomingHttpHeaders;
  event: Event;
  /** Milliseconds since the start of the process. */
  at: number;
}

/** A customer's receiver of webhooks, on this machine. */
export interface WebhookReceiver {
  url: string;
  received: ReceivedEvent[];
  /** Requests that have no answer yet, by path. */
  waiting: Map<string, number>;
  close(): Promise<void>;
}

/** How a path answers. If left out: 204. */
export type Answering = (response: ServerResponse, received: ReceivedEvent) => void | Promise<void>;

/** Starts a receiver that answers as the path says. */
export async function startWebhookReceiver(answers: Record<string, Answering> = {}): Promise<WebhookReceiver> {
  const received: ReceivedEvent[] = [];
  const waiting = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url: path = "/", headers } = request;
      const event = JSON.parse(Buffer.concat(chunks).toString()) as Event;
      const one = { path, headers, event, at: performance.now() };
      received.push(one);
      waiting.set(path, (waiting.get(path) ?? 0) + 1);
      response.on("close", () => waiting.set(path, (waiting.get(path) ?? 0) - 1));
      void (answers[path] ?? accept)(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    received,
    waiting,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const accept: Answering = (response) => void response.writeHead(204).end();
