import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { hasToken, BodyTooLargeError, isLocalProgram, readBody, reply } from "../http.ts";
import { listen } from "../listen.ts";
import { type Pipeline, ProtocolError } from "./hrana.ts";
import { openStreams, type Streams } from "./streams.ts";

export interface LibsqlOptions {
  /** The database file. It is created if it does not exist. */
  file: string;
  /** 0 (the default) means any free port. */
  port?: number;
  /** Required as `Authorization: Bearer …`, because SQL can do much on a developer's machine. */
  token: string;
  /** How long an open stream waits for the next request before its transaction is rolled back; 5,000 ms. */
  leaseMs?: number;
}

/** A libSQL server: Hrana 3, JSON over HTTP, on 127.0.0.1. */
export interface Libsql {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const bodyLimit = 32 * 1024 * 1024;

/** Serves a file to any libSQL client. Rejects with `PortTakenError` when the port is taken. */
export async function startLibsql({ file, port = 0, token, leaseMs = 5_000 }: LibsqlOptions): Promise<Libsql> {
  await mkdir(dirname(file), { recursive: true });
  const streams = openStreams(file, leaseMs);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(streams, token, request, response).catch((error: unknown) => {
      if (error instanceof ProtocolError) return reply(response, 400, { message: error.message, code: error.code });
      if (error instanceof SyntaxError)
        return reply(response, 400, { message: "malformed JSON", code: "HRANA_PROTO_ERROR" });
      if (error instanceof BodyTooLargeError)
        return reply(response, 413, { message: error.message, code: "TOO_LARGE" });
      reply(response, 500, { message: "internal error", code: "INTERNAL" });
    });
  });
  const bound = await listen(server, port).catch((error: unknown) => {
    streams.close();
    throw error;
  });
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      streams.close();
    },
  };
}

async function handle(
  streams: Streams,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isLocalProgram(request)) return reply(response, 403, { message: "not for web pages", code: "AUTH" });
  if (!hasToken(request, token)) return reply(response, 401, { message: "wrong token", code: "AUTH" });
  const path = request.url?.split("?")[0] ?? "";
  if (request.method === "GET" && ["/v2", "/v3", "/health"].includes(path)) return reply(response, 200, {});
  if (request.method !== "POST" || !["/v2/pipeline", "/v3/pipeline"].includes(path)) {
    return reply(response, 404, { message: "not found", code: "NOT_FOUND" });
  }
  const pipeline = JSON.parse((await readBody(request, bodyLimit)).toString()) as Partial<Pipeline> | null;
  if (!Array.isArray(pipeline?.requests)) throw new ProtocolError("a pipeline without requests");
  const answer = await streams.run(pipeline as Pipeline, () => response.destroyed);
  const { baton } = answer;
  // The client has disconnected: without this, writers would wait until its lease expires.
  if (baton !== null) response.once("close", () => response.writableFinished || streams.abandon(baton));
  reply(response, 200, answer);
}
