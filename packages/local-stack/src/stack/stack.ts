import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@libsql/client";
import { migrateDatabase } from "@sandi/edge/setup";
import { startLibsql } from "../libsql/server.ts";
import { startQstash } from "../qstash/server.ts";
import { startRedisRest } from "../redis/server.ts";
import { startBalancer } from "./balancer.ts";
import { type Child, startChild } from "./child.ts";
import { lockFolder } from "./lock.ts";
import { localSecrets } from "./secrets.ts";
import type { Ports } from "./ports.ts";
import { startWorker, type Worker } from "./worker.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Which WhatsApp the connector talks to. */
export type WhatsApp =
  | { kind: "simulator" }
  | { kind: "real" }
  /** Another simulated server on this machine; `rootKey` is its public root key in hex. */
  | { kind: "server"; url: string; rootKey: string };

export interface StackOptions {
  /** The folder of all files. */
  dataFolder: string;
  ports: Ports;
  whatsapp: WhatsApp;
  /** True: reload the Worker and restart the connector when their source changes. */
  watch?: boolean;
  /** Takes each line that a part of the stack writes. */
  log: (part: string, line: string) => void;
  /** More settings for the edge, such as `LOG_REQUESTS`. */
  edgeEnv?: Record<string, string>;
  /** More settings for each connector, such as `LOG_LEVEL`. */
  connectorEnv?: (index: number) => Record<string, string>;
}

/** A running Sandi on this machine. */
export interface Stack {
  readonly apiUrl: string;
  readonly connectorUrl: string;
  /** Undefined when the stack did not start a simulator. */
  readonly simulatorUrl: string | undefined;
  /** How a client reaches the edge's database. */
  readonly libsql: { url: string; authToken: string };
  readonly qstash: { url: string; token: string };
  /** All connectors; they share one database. The first is `connector`. */
  readonly connectors: readonly Child[];
  readonly connector: Child;
  readonly simulator: Child | undefined;
  /** Runs the Worker's cron once. */
  runCron(): Promise<void>;
  /** Stops the edge, as an outage does. */
  stopEdge(): Promise<void>;
  startEdge(): Promise<void>;
  /** Stops every part within 5 s and leaves no process behind. */
  stop(): Promise<void>;
}

const loopback = (port: number) => `http://127.0.0.1:${port}`;
/** The connectors stop first, then the others together: 5 s in total. */
const connectorGraceMs = 2_500;
const otherGraceMs = 1_500;

/** Starts the parts in the order in which they need each other. Each waits until the former ones answer. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataFolder, ports, whatsapp, log } = options;
  const unlock = await lockFolder(dataFolder);
  const secrets = await localSecrets(join(dataFolder, "secrets.json"));
  const stops: (() => Promise<void>)[] = [unlock];
  const stopAll = async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };

  try {
    const libsql = await startLibsql({
      file: join(dataFolder, "edge.db"),
      port: ports.libsql,
      token: secrets.libsqlToken,
    });
    stops.push(() => libsql.close());
    await migrateEdge({ url: libsql.url, authToken: secrets.libsqlToken });
    const redis = await startRedisRest({ port: ports.redis, token: secrets.redisToken });
    stops.push(() => redis.close());
    const qstash = await startQstash({
      file: join(dataFolder, "qstash.db"),
      port: ports.qstash,
      token: secrets.qstashToken,
      currentSigningKey: secrets.currentSigningKey,
      nextSigningKey: secrets.nextSigningKey,
    });

    let qstashClosing: Promise<void> | undefined;
    const closeQstash = () => (qstashClosing ??= qstash.close());
    stops.push(closeQstash);

    const server = await startWhatsApp(options);
    const simulator = server?.child;
    if (simulator) stops.push(() => simulator.stop(otherGraceMs));

    await promisify(execFile)(process.execPath, [join(root, "apps/edge/scripts/build-assets.ts")]);
    const startEdge = () =>
      startWorker({
        port: ports.edge,
        assetsFolder: join(root, "apps/edge/dist/assets"),
        mediaFolder: join(dataFolder, "media"),
        watch: options.watch ?? false,
        log: (line) => log("edge", line),
        bindings: {
          ...secrets.edge,
          PUBLIC_URL: loopback(ports.edge),
          CONNECTOR_URL: loopback(ports.connector),
          LIBSQL_URL: libsql.url,
          LIBSQL_AUTH_TOKEN: secrets.libsqlToken,
          UPSTASH_REDIS_REST_URL: redis.url,
          UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
          QSTASH_URL: qstash.url,
          QSTASH_TOKEN: secrets.qstashToken,
          QSTASH_CURRENT_SIGNING_KEY: secrets.currentSigningKey,
          QSTASH_NEXT_SIGNING_KEY: secrets.nextSigningKey,
          ALLOW_LOCAL_TARGETS: "1",
          DESTINATION_PER_DAY: "1000000",
          ...options.edgeEnv,
        },
      });
    let edge: Worker | undefined = await startEdge();
    const cron = setInterval(() => void edge?.runCron().catch((error: unknown) => log("edge", String(error))), 15_000);
    stops.push(async () => {
      clearInterval(cron);
      await edge?.stop();
    });

    const startConnector = (port: number, index: number) => {
      const name = index === 0 ? "connector" : `connector-${index + 1}`;
      return startChild({
        name,
        args: nodeArguments("apps/connector/src/main.ts", options.watch, { flags: connectorFlags }),
        cwd: root,
        env: {
          ...inherited(),
          ...secrets.connector,
          HOST: "127.0.0.1",
          PORT: String(port),
          CONNECTOR_ID: index === 0 ? "local" : `local-${index + 1}`,
          DRAIN_SECONDS: "1",
          PUBLIC_URL: loopback(ports.connector),
          EDGE_URL: loopback(ports.edge),
          LIBSQL_URL: `file:${join(dataFolder, "connector.db")}`,
          QSTASH_CURRENT_SIGNING_KEY: secrets.currentSigningKey,
          QSTASH_NEXT_SIGNING_KEY: secrets.nextSigningKey,
          ...(server
            ? { WHATSAPP_WS_URL: server.url, WHATSAPP_ROOT_KEY: server.rootKey, ALLOW_PRIVATE_PROXIES: "true" }
            : {}),
          ...(server?.trusted && { NODE_EXTRA_CA_CERTS: server.trusted }),
          ...options.connectorEnv?.(index),
        },
        isReady: () => answers(`${loopback(port)}/readyz`),
        log: (line) => log(name, line),
      });
    };
    if (ports.connectors.length > 1) {
      const balancer = await startBalancer({ port: ports.connector, targets: ports.connectors.map(loopback) });
      stops.push(() => balancer.close());
    }
    const connectors: Child[] = [];
    stops.push(async () => {
      await Promise.all(connectors.map((each) => each.stop(connectorGraceMs)));
    });
    for (const [index, port] of ports.connectors.entries()) connectors.push(await startConnector(port, index));
    const connector = connectors[0]!;
    // QStash stops first: a delivery to a part that has stopped would count as a failed attempt.
    stops.push(closeQstash);

    return {
      apiUrl: loopback(ports.edge),
      connectorUrl: loopback(ports.connector),
      simulatorUrl: whatsapp.kind === "simulator" ? loopback(ports.simulator) : undefined,
      libsql: { url: libsql.url, authToken: secrets.libsqlToken },
      qstash: { url: qstash.url, token: secrets.qstashToken },
      connectors,
      connector,
      simulator,
      runCron: async () => edge?.runCron(),
      async stopEdge() {
        await edge?.stop();
        edge = undefined;
      },
      async startEdge() {
        edge ??= await startEdge();
      },
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startWhatsApp({ whatsapp, ports, dataFolder, log }: StackOptions) {
  if (whatsapp.kind === "real") return undefined;
  if (whatsapp.kind === "server") return { ...whatsapp, child: undefined, trusted: undefined };
  const url = loopback(ports.simulator);
  const child = await startChild({
    name: "simulator",
    args: nodeArguments("packages/whatsapp-simulator/src/main.ts", false, {
      rest: ["--port", String(ports.simulator), "--state", join(dataFolder, "whatsapp.json")],
    }),
    cwd: root,
    env: inherited(),
    isReady: () => answers(`${url}/health`),
    log: (line) => log("whatsapp", line),
  });
  const health = (await (await fetch(`${url}/health`)).json()) as {
    wsUrl: string;
    rootKey: string;
    mediaCertificate: string;
  };
  const trusted = await trustedFile(dataFolder, health.mediaCertificate);
  return { url: health.wsUrl, rootKey: health.rootKey, child, trusted };
}

/** A file with the certificate of the simulated media hosts, and with what this process trusts besides Node's own roots. */
async function trustedFile(dataFolder: string, certificate: string): Promise<string> {
  const file = join(dataFolder, "trusted.pem");
  const more = process.env["NODE_EXTRA_CA_CERTS"];
  await writeFile(file, more ? `${certificate}${await readFile(more, "utf8")}` : certificate);
  return file;
}

async function migrateEdge(database: Stack["libsql"]): Promise<void> {
  const client = createClient(database);
  try {
    await migrateDatabase(client, new Date());
  } finally {
    client.close();
  }
}

/** The same as in the Dockerfile, which gives the reason. */
const connectorFlags = ["--max-semi-space-size=8"];

/** Node runs TypeScript itself; tsx restarts it when a file changes. */
function nodeArguments(
  file: string,
  watch: boolean | undefined,
  { flags = [], rest = [] }: { flags?: string[]; rest?: string[] } = {},
): string[] {
  const tsx = fileURLToPath(import.meta.resolve("tsx/cli"));
  return watch ? [tsx, "watch", "--clear-screen=false", file, ...rest] : [...flags, file, ...rest];
}

/** Children get only the variables that a process needs, not the whole environment. */
function inherited(): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, TZ, NODE_EXTRA_CA_CERTS, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, TMPDIR, TZ, NODE_EXTRA_CA_CERTS, NODE_COMPILE_CACHE };
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}
