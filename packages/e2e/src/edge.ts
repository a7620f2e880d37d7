import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient, type InArgs, type Row } from "@libsql/client";
import { eventsPath, type Policy, type Session } from "@sandi/contracts";
import { createTokenSigner, type TokenSigner, webRandom } from "@sandi/crypto";
import { createWorkspace, migrateDatabase } from "@sandi/edge/setup";
import {
  generateSecrets,
  randomPorts,
  startLibsql,
  startRedisRest,
  startWorker,
  type WorkerOptions,
} from "@sandi/local-stack";
import { type Running, sqldProgram, startSqld } from "@sandi/local-stack/real-servers";
import { type DatabaseUse, databaseUse } from "./database-use.ts";
import type { Answer } from "./harness.ts";

/** The services that the Worker makes subrequests to. */
export type Dependency = "libsql" | "redis" | "qstash" | "connector" | "telegram";

export interface TestEdgeOptions {
  policy?: Partial<Policy>;
  /** Called before each subrequest is answered. It may delay the answer. */
  onSubrequest?: (dependency: Dependency, path: string) => Promise<void> | undefined;
  /** Called after each request to the database. The database is then the real server, where its program is installed. */
  onDatabaseUse?: (use: DatabaseUse) => void;
  /** The connector's answers, by path. */
  connectorAnswers?: Record<string, unknown>;
  /** Answers calls to customers' addresses in place of the network. */
  outside?: WorkerOptions["outside"];
  /** More variables of the Worker. */
  bindings?: Record<string, string>;
}

/** The Worker in workerd with a database, Redis, a QStash that accepts every job, and a connector with fixed answers. */
export interface TestEdge {
  url: string;
  apiKey: string;
  testApiKey: string;
  workspaceId: string;
  /** Online, with a number. */
  sessionId: string;
  secrets: Awaited<ReturnType<typeof generateSecrets>>;
  /** Signs requests as a connector does. */
  sign: TokenSigner;
  /** Sends a request with the workspace's key: `POST /v1/verifications`. */
  api<T>(request: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** Sends a connector's call. */
  asConnector<T>(path: string, body: unknown): Promise<Answer<T>>;
  /** The database. */
  client: Client;
  /** Runs the cron handler once. */
  runCron(): Promise<void>;
  /** Reads or changes the database directly. */
  sql<T = Row>(statement: string, args?: InArgs): Promise<T[]>;
  stop(): Promise<void>;
}

/** High limits, so that a test meets only the limits that it sets in the policy. */
const roomyPolicy = {
  countries: ["*"],
  destinationPer10Minutes: 1000,
  destinationPerHour: 1000,
  destinationPerDay: 1000,
  messagesPerRecipientPerHour: 10_000,
  messagesPerRecipientPerDay: 100_000,
  prefixGuard: "off",
} satisfies Partial<Policy>;
const quota = {
  keyPerSecond: 100_000,
  keyBurst: 200_000,
  workspacePerSecond: 100_000,
  workspaceBurst: 200_000,
  sendsPerDay: 100_000_000,
  firstWeekSendsPerDay: 100_000_000,
};
const senderNumber = "+6281200000001";

/** Starts the edge without a connector and phones. Takes about a second. */
export async function startTestEdge({
  policy,
  onSubrequest,
  onDatabaseUse,
  connectorAnswers = {},
  bindings = {},
  outside,
}: TestEdgeOptions = {}): Promise<TestEdge> {
  const folder = await mkdtemp(join(tmpdir(), "sandi-edge-"));
  const ports = await randomPorts();
  const secrets = await generateSecrets("test", webRandom);
  const token = "local";
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).toReversed()) await each();
  };
  const watched = async (dependency: Dependency, target: string | Record<string, unknown>) => {
    if (typeof target === "string" && !onSubrequest && !onDatabaseUse) return target;
    const onAnswer =
      dependency === "libsql" && onDatabaseUse
        ? (asked: string, answer: string) => onDatabaseUse(databaseUse(asked, answer))
        : undefined;
    const server = await startWatcher((path) => onSubrequest?.(dependency, path), target, onAnswer);
    stops.push(() => server.close());
    return server.url;
  };

  const libsql = await startDatabase(folder, token, onDatabaseUse !== undefined);
  stops.push(() => libsql.stop());
  const client = createClient({ url: libsql.url, authToken: token });
  stops.push(async () => client.close());
  await migrateDatabase(client, new Date());
  const workspace = await createWorkspace({
    client,
    now: new Date(),
    random: webRandom,
    name: "Acme",
    adminEmail: "admin@localhost",
    adminPassword: "a password of the tests",
    defaultCountry: "ID",
    policy: { ...roomyPolicy, ...policy },
    quota,
  });
  const redis = await startRedisRest({ token });
  stops.push(() => redis.close());

  const url = `http://127.0.0.1:${ports.edge}`;
  const worker = await startWorker({
    port: ports.edge,
    assetsFolder: folder,
    log: () => undefined,
    ...(outside ? { outside } : {}),
    bindings: {
      ...secrets.edge,
      PUBLIC_URL: url,
      LIBSQL_URL: await watched("libsql", libsql.url),
      LIBSQL_AUTH_TOKEN: token,
      UPSTASH_REDIS_REST_URL: await watched("redis", redis.url),
      UPSTASH_REDIS_REST_TOKEN: token,
      QSTASH_URL: await watched("qstash", {}),
      QSTASH_TOKEN: token,
      QSTASH_CURRENT_SIGNING_KEY: token,
      QSTASH_NEXT_SIGNING_KEY: token,
      CONNECTOR_URL: await watched("connector", connectorAnswers),
      TELEGRAM_API_URL: await watched("telegram", {}),
      DESTINATION_PER_DAY: "1000000",
      ...bindings,
    },
  });
  stops.push(() => worker.stop());

  const sign = createTokenSigner({
    privateJwk: secrets.connector["CONNECTOR_TOKEN_PRIVATE_KEY"] ?? "",
    issuer: "sandi-connector",
    audience: "sandi-edge",
    now: () => new Date(),
    random: webRandom,
  });

  async function ask<T>(method: string, path: string, text: string | undefined, headers: Record<string, string>) {
    const response = await fetch(url + path, {
      method,
      headers: { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers },
      redirect: "manual",
      ...(text === undefined ? {} : { body: text }),
    });
    const answer = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(answer) : answer) as Answer<T>["body"],
    };
  }

  const edge: TestEdge = {
    url,
    ...workspace,
    sessionId: "",
    secrets,
    sign,
    client,
    runCron: () => worker.runCron(),
    api(line, body, headers = {}) {
      const [method = "GET", path = "/"] = line.split(" ");
      const text = body === undefined ? undefined : JSON.stringify(body);
      return ask(method, path, text, { authorization: `Bearer ${workspace.apiKey}`, ...headers });
    },
    async asConnector(path, body) {
      const text = JSON.stringify(body);
      return ask("POST", path, text, { authorization: `Bearer ${await sign({ method: "POST", path, body: text })}` });
    },
    async sql<T>(statement: string, args: InArgs = []) {
      return (await client.execute({ sql: statement, args })).rows as T[];
    },
    stop,
  };
  edge.sessionId = (await edge.api<Session>("POST /v1/sessions", { name: "First session" })).body.id;
  const event = { type: "session.state", state: "online", reason: null, phone: senderNumber, revision: 1 };
  const online = await edge.asConnector(eventsPath, {
    connectorId: "test",
    events: [
      { id: `evt_${"0".repeat(26)}`, seq: 1, sessionId: edge.sessionId, at: new Date().toISOString(), ...event },
    ],
  });
  if (online.status === 200) return edge;
  await stop();
  throw new Error(`the session is not online: ${JSON.stringify(online.body)}`);
}

async function startDatabase(folder: string, token: string, isCounted: boolean): Promise<Running> {
  const program = isCounted ? sqldProgram() : undefined;
  if (program) return startSqld(program);
  const emulator = await startLibsql({ file: join(folder, "edge.db"), token });
  return { url: emulator.url, stop: () => emulator.close() };
}

/** Forwards requests to a URL, or answers them by their path. Calls `onRequest` before each one. */
async function startWatcher(
  onRequest: (path: string) => Promise<void> | undefined,
  target: string | Record<string, unknown>,
  onAnswer?: (request: string, answer: string) => void,
) {
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    await onRequest(incoming.url ?? "/");
    if (typeof target !== "string") {
      const answer = JSON.stringify(target[incoming.url ?? ""] ?? {});
      response.writeHead(200, { "content-type": "application/json" }).end(answer);
      return;
    }
    const { method, headers } = incoming;
    const onward = request(target + (incoming.url ?? "/"), { ...(method ? { method } : {}), headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      const answered: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => answered.push(chunk));
      answer.on("end", () => onAnswer?.(Buffer.concat(chunks).toString(), Buffer.concat(answered).toString()));
    });
    onward.on("error", () => response.destroy());
    onward.end(Buffer.concat(chunks));
  };
  const server = createServer((incoming, response) => void handle(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
