import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createId, type IdPrefix, type RevokeJob, type SendJob, type SessionJob } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { type Simulator, startSimulator } from "@sandi/whatsapp-simulator";
import { pino } from "pino";
import { type OpenSocket, socketOpener } from "../../src/baileys/socket.ts";
import type { SocketTuning } from "../../src/baileys/socket-config.ts";
import { readConfig } from "../../src/config.ts";
import { type Connector, startConnector } from "../../src/connector.ts";
import { type Services, systemServices } from "../../src/services.ts";
import { knownSecrets, leaksIn } from "./secrets.ts";
import type { openStore } from "../../src/store/store.ts";
import { FakeEdge, type FakePayload, makeKeys, until } from "./fake-edge.ts";

export const newId = (prefix: IdPrefix) => createId(prefix, new Date(), webRandom(10));
export const workspaceId = newId("ws");

/** A simulated WhatsApp, a fake edge, and a connector between them. */
export interface Rig {
  simulator: Simulator;
  edge: FakeEdge;
  folder: string;
  log: string[];
  connector: Connector;
  environment: Record<string, string>;
  start(): Promise<void>;
  stop(): Promise<void>;
  metrics(): Promise<string>;
  close(): Promise<void>;
  /** Creates a session and links a phone to it. */
  pair(number: string, ofWorkspace?: string): Promise<string>;
  /** Accepts a message and delivers its job until it is done. */
  send(sessionId: string, payload: FakePayload): Promise<string>;
  setDesiredState(change: Partial<SessionJob> & { sessionId: string }): Promise<number>;
}

interface RigOptions {
  environment?: Record<string, string>;
  services?: Partial<Services>;
  tuning?: SocketTuning;
  openStore?: typeof openStore;
  /** Stands between the connector and its sockets. */
  around?: (open: OpenSocket) => OpenSocket;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { environment = {}, services = {}, tuning = {}, around = (open) => open } = options;
  const [port, metricsPort, simulator, keys, folder] = await Promise.all([
    freePort(),
    freePort(),
    startSimulator(),
    makeKeys(),
    mkdtemp(join(tmpdir(), "sandi-connector-")),
  ]);
  const edge = new FakeEdge(keys);
  edge.workspaceId = workspaceId;
  if (services.now) edge.now = services.now;
  await edge.start();
  const log: string[] = [];
  const revisions = new Map<string, number>();
  const proxies = new Map<string, string | null>();
  const rig: Rig = {
    simulator,
    edge,
    folder,
    log,
    connector: undefined as unknown as Connector,
    environment: {
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
      HOST: "127.0.0.1",
      PORT: String(port),
      METRICS_PORT: String(metricsPort),
      CONNECTOR_ID: "test",
      EDGE_URL: edge.url,
      LIBSQL_URL: `file:${join(folder, "connector.db")}`,
      STORE_KEYS: keys.store,
      CONNECTOR_TOKEN_PRIVATE_KEY: keys.connector.privateJwk,
      EDGE_TOKEN_PUBLIC_KEY: keys.edge.publicJwk,
      CONNECTOR_SEAL_PRIVATE_KEY: keys.sealing.privateJwk,
      QSTASH_CURRENT_SIGNING_KEY: keys.qstash.current,
      QSTASH_NEXT_SIGNING_KEY: keys.qstash.next,
      WHATSAPP_WS_URL: simulator.url,
      WHATSAPP_ROOT_KEY: simulator.rootKey,
      LOG_LEVEL: "debug",
      ...environment,
    },
    async start() {
      const config = readConfig(rig.environment, "test");
      const logger = pino({ level: "debug" }, { write: (line: string) => void log.push(line) });
      rig.connector = await startConnector(
        config,
        { ...systemServices, fetchVersion: () => Promise.resolve(null), ...services },
        {
          logger,
          openSocket: around(socketOpener(config.whatsapp, tuning)),
          ...(options.openStore ? { openStore: options.openStore } : {}),
        },
      );
    },
    stop: () => rig.connector.close(),
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    async close() {
      await rig.connector.close().catch(() => undefined);
      try {
        const leaks = leaksIn(log.join(""), await knownSecrets(rig));
        if (leaks.length > 0) throw new Error(`the log holds secrets: ${leaks.join(", ")}`);
      } finally {
        await edge.stop();
        await simulator.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    async setDesiredState(job) {
      const revision = job.revision ?? (revisions.get(job.sessionId) ?? 0) + 1;
      revisions.set(job.sessionId, revision);
      const proxy = job.proxy ?? (job.proxy === null ? null : (proxies.get(job.sessionId) ?? null));
      proxies.set(job.sessionId, proxy);
      const whole: SessionJob = { workspaceId, desired: "running", ...job, revision, proxy };
      return (await edge.deliver("/jobs/session", whole)).status;
    },
    async pair(number, ofWorkspace = workspaceId) {
      if (!simulator.phones().some((phone) => phone.number === number)) simulator.createPhone({ number });
      const sessionId = newId("ses");
      await rig.setDesiredState({ sessionId, workspaceId: ofWorkspace });
      const qr = await until("a QR code is shown", () => qrOf(rig, sessionId));
      await simulator.scan(number, qr);
      await until("the session is online", () => edge.statesOf(sessionId).at(-1) === "online");
      return sessionId;
    },
    async send(sessionId, payload) {
      const messageId = newId("msg");
      await edge.accept(messageId, payload);
      await edge.deliverUntilDone("/jobs/send", sendJob(messageId, sessionId, 300_000, edge.now()));
      return messageId;
    },
  };
  rig.environment["PUBLIC_URL"] ??= `http://127.0.0.1:${rig.environment["PORT"]}`;
  edge.connectorUrl = rig.environment["PUBLIC_URL"];
  await rig.start();
  return rig;
}

export function sendJob(...about: Parameters<typeof revokeJob>): SendJob {
  return { ...revokeJob(...about), lane: "otp" };
}

export function revokeJob(messageId: string, sessionId: string, ttlMs = 300_000, now = new Date()): RevokeJob {
  return { messageId, sessionId, expiresAt: new Date(now.getTime() + ttlMs).toISOString() };
}

export async function qrOf({ edge }: Rig, sessionId: string): Promise<string | null> {
  const response = await edge.rpc("/rpc/sessions/qr", { sessionId });
  if (response.status !== 200) return null;
  const { qr } = (await response.json()) as { qr: { qr: string } | null };
  if (qr) edge.secrets.push(qr.qr);
  return qr?.qr ?? null;
}

/**
 * A port that nobody listens on. It lies below those that systems give out by themselves: one of these could be taken by
 * another test's connection before it is used.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(10_240, 32_768);
  const isFree = await new Promise<boolean>((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
  return isFree ? port : freePort();
}
