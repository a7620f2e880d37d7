import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Receiver, type State } from "@upstash/qstash";
import { onTestFinished } from "vitest";
import { listen } from "../../src/listen.ts";
import { type Qstash, type QstashOptions, startQstash } from "../../src/qstash/server.ts";

export const token = "qstash-token";
export const currentSigningKey = "sig_current";
export const nextSigningKey = "sig_next";
export const receiver = new Receiver({ currentSigningKey, nextSigningKey });

/** Waits until `claim` holds; fails after five seconds. */
export async function until(claim: () => unknown): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await claim())) {
    if (performance.now() > deadline) throw new Error(`it never came true: ${claim.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Long enough for something that must not happen to have happened. */
export const aWhile = () => new Promise((resolve) => setTimeout(resolve, 25));

const clientAt = (baseUrl: string) => new Client({ baseUrl, token, enableTelemetry: false, retry: false });

/** A QStash over a file of its own, with a clock that stands still until it is moved. */
export async function openQstash(options: Partial<QstashOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "qstash-"));
  const clock = { at: Date.now() };
  let server: Qstash;
  const start = async (more: Partial<QstashOptions> = {}) => {
    server = await startQstash({
      file: join(folder, "qstash.db"),
      token,
      currentSigningKey,
      nextSigningKey,
      now: () => clock.at,
      ...options,
      ...more,
    });
    return server;
  };
  await start();
  onTestFinished(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  return {
    folder,
    clock,
    get url() {
      return server.url;
    },
    get client() {
      return clientAt(server.url);
    },
    /** Moves the clock and delivers what has become due. */
    pass: (ms: number) => {
      clock.at += ms;
      server.wake();
    },
    /** Waits until so many events of a state have happened. */
    happened: (state: State, count = 1) =>
      until(async () => (await clientAt(server.url).logs({ filter: { state } })).logs.length >= count),
    /** Stops it and starts it again over the same file. */
    restart: async (more: Partial<QstashOptions> = {}) => {
      await server.close();
      await start(more);
    },
    close: () => server.close(),
    /** A request without the client. */
    fetch: (path: string, init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {}) =>
      fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }),
  };
}

export interface Call {
  url: string;
  method: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answering {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Closes the connection without an answer. */
  hangsUp?: boolean;
}

/** A destination that stores its calls and gives the configured answer, 200 by default. */
export async function openDestination(
  answer: (call: Call, count: number) => Answering | Promise<Answering> = () => ({}),
) {
  const calls: Call[] = [];
  const respond = async (call: Call, response: ServerResponse) => {
    const { status = 200, headers = {}, body = "", hangsUp = false } = await answer(call, calls.push(call));
    if (hangsUp) return response.destroy();
    response.writeHead(status, headers);
    return response.end(body);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url = "", method = "", headers } = request;
      void respond({ url, method, headers, body: Buffer.concat(chunks).toString() }, response);
    });
  });
  const port = await listen(server, 0);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, calls, bodies: () => calls.map(({ body }) => body) };
}

/** Holds answers back until it is opened. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}
