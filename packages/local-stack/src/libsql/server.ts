import { randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { listen } from "../listen.ts";
import { Connection } from "./connection.ts";
import { type Pipeline, ProtocolError, type StreamRequest, type StreamResult, toError } from "./hrana.ts";

export interface LibsqlOptions {
  /** The database file; made if it is not there. */
  file: string;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Wanted as `Authorization: Bearer …` if given. */
  token?: string;
}

/** A libSQL server: Hrana 3, JSON over HTTP, on 127.0.0.1. */
export interface Libsql {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

interface Stream {
  connection: Connection;
  stored: Map<number, string>;
  /** Rolls back and gives the connection away when the client does not come back. */
  lapse?: NodeJS.Timeout;
}

const leaseMs = 5_000;
const bodyLimit = 32 * 1024 * 1024;

/** Serves a file to any libSQL client. Rejects with `PortTakenError` when the port is taken. */
export async function startLibsql({ file, port = 0, token }: LibsqlOptions): Promise<Libsql> {
  await mkdir(dirname(file), { recursive: true });
  const idle = [new Connection(file)];
  const leased = new Map<string, Stream>();
  let waiting: (() => void)[] = [];

  const isBlocked = () => [...leased.values()].some(({ connection }) => !connection.isAutocommit);

  function release(baton: string) {
    const stream = leased.get(baton);
    if (!stream) return;
    clearTimeout(stream.lapse);
    leased.delete(baton);
    stream.connection.rollback();
    idle.push(stream.connection);
    const next = waiting;
    waiting = [];
    for (const go of next) go();
  }

  /** SQLite has one writer and is called synchronously, so others wait until an open transaction ends or lapses. */
  async function open(baton: string | null | undefined): Promise<Stream> {
    if (baton) {
      const stream = leased.get(baton);
      if (!stream) throw new ProtocolError("the stream has expired or its baton was used before");
      clearTimeout(stream.lapse);
      leased.delete(baton);
      return stream;
    }
    while (isBlocked()) await new Promise<void>((resolve) => waiting.push(resolve));
    return { connection: idle.pop() ?? new Connection(file), stored: new Map() };
  }

  async function pipeline({ baton, requests }: Pipeline) {
    const stream = await open(baton);
    const results: StreamResult[] = [];
    let isClosed = false;
    const fresh = randomUUID();
    try {
      for (const request of requests) {
        if (request.type === "close") isClosed = true;
        results.push(answer(stream, request));
      }
    } catch (error) {
      leased.set(fresh, stream);
      release(fresh);
      throw error;
    }
    leased.set(fresh, stream);
    if (isClosed) {
      release(fresh);
      return { baton: null, base_url: null, results };
    }
    stream.lapse = setTimeout(() => release(fresh), leaseMs);
    return { baton: fresh, base_url: null, results };
  }

  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const isTheirs = error instanceof ProtocolError || error instanceof SyntaxError;
      reply(response, isTheirs ? 400 : 500, toError(error));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (token !== undefined && !bears(request, token)) return reply(response, 401, { message: "wrong token", code: "AUTH" });
    const path = request.url?.split("?")[0] ?? "";
    if (request.method === "GET" && ["/v2", "/v3", "/health"].includes(path)) return reply(response, 200, {});
    if (request.method !== "POST" || !["/v2/pipeline", "/v3/pipeline"].includes(path)) {
      return reply(response, 404, { message: "not found", code: "NOT_FOUND" });
    }
    reply(response, 200, await pipeline(JSON.parse(await read(request)) as Pipeline));
  }

  const bound = await listen(server, port);
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    async close() {
      for (const baton of leased.keys()) release(baton);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      for (const connection of idle) connection.close();
    },
  };
}

function answer({ connection, stored }: Stream, request: StreamRequest): StreamResult {
  const sqlOf = ({ sql, sql_id }: { sql?: string; sql_id?: number }) => {
    const text = sql ?? (sql_id === undefined ? undefined : stored.get(sql_id));
    if (text === undefined) throw new ProtocolError("a statement without SQL");
    return text;
  };
  try {
    const { type } = request;
    switch (type) {
      case "execute":
        return ok({ type, result: connection.execute(sqlOf(request.stmt), request.stmt) });
      case "batch":
        return ok({ type, result: connection.batch(request.batch, sqlOf) });
      case "sequence":
        connection.sequence(sqlOf(request));
        return ok({ type });
      case "describe":
        return ok({ type, result: connection.describe(sqlOf(request)) });
      case "store_sql":
        stored.set(request.sql_id, request.sql);
        return ok({ type });
      case "close_sql":
        stored.delete(request.sql_id);
        return ok({ type });
      case "get_autocommit":
        return ok({ type, is_autocommit: connection.isAutocommit });
      case "close":
        return ok({ type });
      default:
        throw new ProtocolError("a request of an unknown type");
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    return { type: "error", error: toError(error) };
  }
}

const ok = (response: Record<string, unknown>): StreamResult => ({ type: "ok", response });

function bears(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new ProtocolError("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
