import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hasToken, BodyTooLargeError, isLocalProgram, readBody, reply } from "../http.ts";
import { listen } from "../listen.ts";
import { type Engine, type Outcome, realEngine } from "./engine.ts";
import { memoryEngine } from "./memory.ts";

export interface RedisRestOptions {
  /** 0 (the default) means any free port. */
  port?: number;
  /** Required as `Authorization: Bearer …`. */
  token: string;
  /** A real Redis; without it, one in memory that is empty at every start. */
  redisUrl?: string;
}

/** A Redis over HTTP, on 127.0.0.1, for `@upstash/redis`. */
export interface RedisRest {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const bodyLimit = 10 * 1024 * 1024;

class BadRequestError extends Error {}

/** Serves Redis over REST. Rejects with `PortTakenError` when the port is taken, and when no Redis answers at `redisUrl`. */
export async function startRedisRest({ port = 0, token, redisUrl }: RedisRestOptions): Promise<RedisRest> {
  const engine = redisUrl === undefined ? memoryEngine() : await realEngine(redisUrl);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(engine, token, request, response).catch((error: unknown) => {
      if (error instanceof BodyTooLargeError) return reply(response, 413, { error: error.message });
      const isTheirs = error instanceof BadRequestError || error instanceof SyntaxError || error instanceof URIError;
      reply(response, isTheirs ? 400 : 500, { error: isTheirs ? `ERR ${error.message}` : "ERR internal" });
    });
  });
  const bound = await listen(server, port).catch(async (error: unknown) => {
    await engine.close();
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
      await engine.close();
    },
  };
}

async function handle(
  engine: Engine,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isLocalProgram(request)) return reply(response, 403, { error: "ERR web pages may not use this server" });
  if (!hasToken(request, token)) return reply(response, 401, { error: "WRONGPASS invalid or missing auth token" });
  const [path = "/", query = ""] = (request.url ?? "/").split("?");
  const body = await readBody(request, bodyLimit);
  const encode = request.headers["upstash-encoding"] === "base64" ? toBase64 : toText;
  const shape = (outcome: Outcome) => ("error" in outcome ? outcome : { result: encode(outcome.result) });

  if (path === "/pipeline") {
    const outcomes: Outcome[] = await Promise.all(commandsOf(body).map((command) => engine.run(command)));
    return reply(response, 200, outcomes.map(shape));
  }
  if (path === "/multi-exec") {
    const outcomes = await engine.transact(commandsOf(body));
    return Array.isArray(outcomes) ? reply(response, 200, outcomes.map(shape)) : reply(response, 400, outcomes);
  }
  const outcome = await engine.run(
    path === "/" ? commandOf(JSON.parse(body.toString())) : commandOfPath(path, query, body),
  );
  reply(response, "error" in outcome ? 400 : 200, shape(outcome));
}

function commandsOf(body: Buffer): string[][] {
  const commands: unknown = JSON.parse(body.toString());
  if (!Array.isArray(commands) || commands.length === 0) throw new BadRequestError("expected an array of commands");
  return commands.map(commandOf);
}

function commandOf(command: unknown): string[] {
  if (!Array.isArray(command) || command.length === 0) throw new BadRequestError("expected a command as an array");
  return command.map((part: unknown) => (typeof part === "string" ? part : JSON.stringify(part)));
}

/** Reads `/set/key/value?EX=10`. A body is the last argument before those of the query. */
function commandOfPath(path: string, query: string, body: Buffer): string[] {
  const command = path.slice(1).split("/").map(decodeURIComponent);
  if (body.length > 0) command.push(body.toString());
  for (const [name, value] of new URLSearchParams(query)) {
    command.push(name);
    if (value !== "") command.push(value);
  }
  return command;
}

const toBase64 = (value: unknown) => convert(value, (bytes) => bytes.toString("base64"));
const toText = (value: unknown) => convert(value, (bytes) => bytes.toString());

/** Makes JSON of a reply. ioredis-mock answers HGETALL with an object; Redis answers a list. */
function convert(value: unknown, text: (bytes: Buffer) => string): unknown {
  if (typeof value === "string") return text(Buffer.from(value));
  if (Buffer.isBuffer(value)) return text(value);
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item) => convert(item, text));
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .flat()
      .map((item) => convert(item, text));
  // Lua's false is Redis's nil.
  return value === false ? null : (value ?? null);
}
