import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { hasToken, BodyTooLargeError, isLocalProgram, readBody, reply } from "../http.ts";
import { listen } from "../listen.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Exchange } from "./exchange.ts";
import { type Headers, RequestError } from "./publication.ts";
import { answer, type Parts } from "./routes.ts";
import { Schedules } from "./schedules.ts";
import { Store } from "./store.ts";

export interface QstashOptions {
  /** The SQLite file of the messages. It is created if it does not exist. */
  file: string;
  /** 0 (the default) means any free port. */
  port?: number;
  /** Required as `Authorization: Bearer …`. */
  token: string;
  /** Signs deliveries. */
  currentSigningKey: string;
  /** Only shown by `/v2/keys`. */
  nextSigningKey: string;
  /** Milliseconds since 1970. A test that moves the clock calls `wake`. */
  now?: () => number;
  /** Host names that may be called, beside this machine. */
  allowHosts?: string[];
}

/** A QStash on 127.0.0.1 for the client and the receiver of `@upstash/qstash`. */
export interface Qstash {
  readonly url: string;
  readonly port: number;
  /** Delivers what is due after a test moved the clock. */
  wake(): void;
  /** Waits one second for running calls. Calls that take longer are made again after the next start. */
  close(): Promise<void>;
}

const bodyLimit = 10 * 1024 * 1024;
const deadLetterMs = 3 * 24 * 3_600_000;

/** Serves the QStash API over a file. Rejects with `PortTakenError` when the port is taken. */
export async function startQstash(options: QstashOptions): Promise<Qstash> {
  const { file, port = 0, token, currentSigningKey, nextSigningKey, now = Date.now } = options;
  const allowHosts = new Set(options.allowHosts);
  await mkdir(dirname(file), { recursive: true });
  const store = new Store(file);
  store.forget(now(), now() - deadLetterMs);
  const exchange = new Exchange({ store, now, signingKey: currentSigningKey, allowHosts });
  const parts: Parts = {
    exchange,
    deadLetters: new DeadLetters(store, exchange, now),
    schedules: new Schedules({ store, exchange, now, allowHosts }),
    keys: { current: currentSigningKey, next: nextSigningKey },
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (error instanceof RequestError) return reply(response, error.status, { error: error.message });
      if (error instanceof URIError) return reply(response, 400, { error: "the path is not well encoded" });
      if (error instanceof BodyTooLargeError) return reply(response, 413, { error: error.message });
      reply(response, 500, { error: "internal error" });
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isLocalProgram(request)) return reply(response, 403, { error: "not for web pages" });
    if (!hasToken(request, token)) return reply(response, 401, { error: "wrong or missing token" });
    const { url = "", method = "GET" } = request;
    if (!url.startsWith("/v2/")) return reply(response, 404, { error: "not found" });
    const body = await readBody(request, bodyLimit);
    const sender = { now: now(), callerIp: "127.0.0.1", allowHosts };
    const [status, answered] = answer(parts, {
      method,
      target: url.slice("/v2/".length),
      headers: flat(request),
      body,
      sender,
    });
    reply(response, status, answered);
  }

  const bound = await listen(server, port).catch((error: unknown) => {
    store.close();
    throw error;
  });
  exchange.resume();
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    wake: () => exchange.alarms.wake(),
    async close() {
      const stopped = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await exchange.close();
      server.closeAllConnections();
      await stopped;
      store.close();
    },
  };
}

/** The headers with one value each. Node joins the values of a repeated header. */
function flat({ headers }: IncomingMessage): Headers {
  return headers as Headers;
}
