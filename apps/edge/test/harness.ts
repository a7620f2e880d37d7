import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import type { Policy, Problem, Scope } from "@sandi/contracts";
import { AppError, createId, scopes } from "@sandi/contracts";
import {
  atRest,
  createKeyRing,
  createProofSigner,
  createQueueCheck,
  createSealer,
  createTokenSigner,
  createTokenVerifier,
  createUnsealer,
  generateApiKey,
  generateKeyText,
  generateSealingKeys,
  generateTokenKeys,
  hashApiKey,
  type TokenSigner,
  webRandom,
} from "@sandi/crypto";
import { createDatabase } from "@sandi/libsql";
import { createTracer, type EndedSpan } from "@sandi/tracing";
import { createApp } from "../src/app.ts";
import type { Context } from "../src/context.ts";
import type { Tables } from "../src/db/schema.ts";
import { findKey } from "../src/auth/calling-key.ts";
import { noFeeds } from "../src/feed/feeds.ts";
import type { RequestLine } from "../src/http/request-log.ts";
import type { Job, RpcAnswer, Services, TargetAnswer, TargetCall } from "../src/services.ts";
import { insertDefaultPool } from "../src/pools/repository.ts";
import { migrateDatabase } from "../src/setup.ts";
import { type MemoryStore, memoryStore, nodeStreams } from "./media-memory.ts";

const sealing = await generateSealingKeys("seal");
const tokens = await generateTokenKeys("tokens");
const unseal = createUnsealer(sealing.privateJwk);
const atRestKeys = createKeyRing(generateKeyText("r1", webRandom));
/** What QStash signs with: the current key, and the next. */
export const queueKeys = ["sig_current_of_the_tests", "sig_next_of_the_tests"] as const;
const app = createApp();
const startsAt = "2026-11-21T08:00:00.000Z";
/** A database file with the newest schema: migrated once per test file, and copied for each edge. */
const migrated = await migratedFile();

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T & Partial<Omit<Problem, "status">>;
  text: string;
}

export interface Workspace {
  id: string;
  key: string;
}

/** The edge over a fresh database file, with everything else faked. */
export interface Edge {
  client: Client;
  services: Services;
  jobs: Job[];
  /** The sizes of the batches that QStash was asked to take. */
  batches: number[];
  logs: string[];
  requests: RequestLine[];
  spans: EndedSpan[];
  /** The calls to the database since the last reset. */
  calls: { database: number };
  workspace: Workspace;
  /** The objects of media, sealed. */
  media: MemoryStore;
  /** What answers Redis commands; grants every limit, tests of limits put a real one here. */
  redis: Services["redis"];
  /** Makes the next publishes fail. */
  queueIsDown: boolean;
  connector: (path: string, body: unknown) => RpcAnswer | Promise<RpcAnswer>;
  /** What answers calls to customers' addresses. */
  target: (call: TargetCall) => TargetAnswer | Promise<TargetAnswer>;
  /** What answers requests for files at customers' addresses. */
  site: (url: string, signal: AbortSignal) => Response | Promise<Response>;
  /** The signal that ends them. */
  timeout: AbortSignal;
  advance: (ms: number) => void;
  addWorkspace: (name?: string, policy?: Partial<Policy>) => Promise<Workspace>;
  addKey: (workspaceId: string, only?: readonly Scope[], more?: Record<string, unknown>) => Promise<string>;
  /** The context of a request with this key; the workspace's own key if left out. */
  contextOf: (key?: string) => Promise<Context>;
  /** Linked if it is online or about to be. */
  addSession: (state?: string, workspaceId?: string, poolId?: string) => Promise<string>;
  fetch: (request: Request) => Promise<Response>;
  api: <T = Record<string, unknown>>(
    request: string,
    body?: unknown,
    options?: { key?: string | null; headers?: Record<string, string> },
  ) => Promise<Answer<T>>;
  internal: <T = Record<string, unknown>>(path: string, body: unknown, token?: string) => Promise<Answer<T>>;
  signInternal: (path: string, body: unknown) => Promise<string>;
  /** Signs any call of a connector. */
  sign: TokenSigner;
  rows: (sql: string, ...args: (string | number)[]) => Promise<Record<string, unknown>[]>;
  count: (table: string) => Promise<number>;
  settled: () => Promise<void>;
  codeOf: (verificationId: string) => Promise<string>;
  unseal: (sealed: string) => Promise<unknown>;
  /** What a value is sealed for. */
  purposeOf: (sealed: string) => Promise<string | undefined>;
  close: () => void;
}

export async function startEdge(): Promise<Edge> {
  const folder = mkdtempSync(join(tmpdir(), "sandi-edge-"));
  const file = join(folder, "edge.db");
  writeFileSync(file, migrated);
  const client = createClient({ url: `file:${file}` });
  // A test's database need not survive a power cut.
  await client.execute("PRAGMA synchronous = OFF");
  let time = Date.parse(startsAt);
  const now = () => new Date(time);
  const pending = new Set<Promise<unknown>>();
  const seen = new Set<string>();
  const calls = { database: 0 };
  const counted: Client = new Proxy(client, {
    get(target, name) {
      if (name === "execute" || name === "batch") calls.database++;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const memory = memoryStore(now, () => new AppError("media-unavailable", { retryAfter: 1 }));
  const services: Services = {
    db: createDatabase<Tables>(counted),
    now,
    sleep: () => Promise.resolve(),
    random: webRandom,
    publicUrl: "https://api.test",
    peppers: createKeyRing(generateKeyText("p1", webRandom)),
    phoneKey: createKeyRing(generateKeyText("n1", webRandom)),
    linkKeys: createKeyRing(generateKeyText("l1", webRandom)),
    seal: createSealer(sealing.publicJwk, { now, random: webRandom }),
    atRest: (workspaceId) => atRest(atRestKeys, workspaceId, webRandom),
    proofs: createProofSigner({ privateJwk: tokens.privateJwk, issuer: "https://api.test", now, random: webRandom }),
    destinationPerDay: 30,
    media: memory,
    streams: nodeStreams,
    verifyServiceToken: createTokenVerifier({
      publicJwk: tokens.publicJwk,
      issuer: "sandi-connector",
      audience: "sandi-edge",
      now,
    }),
    redis: (command, timeoutMs) => edge.redis(command, timeoutMs),
    redisOutage: { pausedUntil: 0, silentUntil: 0 },
    spentLimits: new Map(),
    unknownKeys: { tries: new Map(), hashes: new Map() },
    isFirstUse: (jti) => {
      const isFirst = !seen.has(jti);
      seen.add(jti);
      return Promise.resolve(isFirst);
    },
    publish: (job) => {
      if (edge.queueIsDown) return Promise.reject(new Error("QStash is down"));
      edge.jobs.push(job);
      return Promise.resolve();
    },
    publishAll: (jobs) => {
      edge.batches.push(jobs.length);
      if (edge.queueIsDown) return Promise.reject(new Error("QStash is down"));
      edge.jobs.push(...jobs);
      return Promise.resolve();
    },
    callTarget: async (call) => edge.target(call),
    fetchFrom: async (url, signal) => edge.site(url, signal),
    timeout: () => edge.timeout,
    isFromQueue: createQueueCheck(queueKeys, now),
    telegramUrl: "https://telegram.test",
    allowLocalTargets: false,
    callConnector: async (path, body) => edge.connector(path, body),
    feeds: noFeeds(),
    openStreams: new Map(),
    keyCache: new Map(),
    templateCache: new Map(),
    cronRounds: 5,
    waitUntil: (work) => {
      const tracked = work.finally(() => pending.delete(tracked));
      pending.add(tracked);
    },
    tracer: createTracer({ now, random: webRandom, ratio: 1, onEnd: (span) => edge.spans.push(span) }),
    logRequest: (line) => edge.requests.push(line),
    log: (line) => edge.logs.push(line),
  };
  const sign = createTokenSigner({
    privateJwk: tokens.privateJwk,
    issuer: "sandi-connector",
    audience: "sandi-edge",
    now,
    random: webRandom,
  });

  async function answer<T>(request: Request): Promise<Answer<T>> {
    const response = await edge.fetch(request);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    const body = (isJson && text !== "" ? JSON.parse(text) : {}) as Answer<T>["body"];
    return { status: response.status, headers: response.headers, body, text };
  }

  const edge: Edge = {
    client,
    services,
    jobs: [],
    batches: [],
    logs: [],
    requests: [],
    spans: [],
    calls,
    workspace: { id: "", key: "" },
    media: memory,
    redis: grantAll,
    queueIsDown: false,
    connector: () => undefined,
    site: () => new Response("not found", { status: 404 }),
    timeout: new AbortController().signal,
    target: () => ({ status: 200, retryAfter: null, text: "ok" }),
    advance: (ms) => {
      time += ms;
    },
    async addWorkspace(name = "Acme", policy = {}) {
      const id = createId("ws", now(), webRandom(10));
      await client.execute({
        sql: "INSERT INTO workspace (id, name, policy, created_at) VALUES (?, ?, ?, ?)",
        // Older than the first week, whose limits are tested where they belong.
        args: [id, name, JSON.stringify({ countries: ["*"], ...policy }), time - 30 * 86_400_000],
      });
      const pool = insertDefaultPool(services.db, id);
      await client.execute({ sql: pool.sql, args: pool.parameters as string[] });
      return { id, key: await edge.addKey(id) };
    },
    async addKey(workspaceId, only = scopes, { expiresAt = null, revokedAt = null, environment = "live" } = {}) {
      const { key, hash, prefix } = await generateApiKey(environment as "live", webRandom);
      await client.execute({
        sql: `INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, expires_at, revoked_at, created_at)
          VALUES (?, ?, 'key', ?, ?, ?, ?, ?, ?, ?)`,
        args: [
          createId("key", now(), webRandom(10)),
          workspaceId,
          hash,
          prefix,
          environment as string,
          JSON.stringify(only),
          expiresAt as number | null,
          revokedAt as number | null,
          time,
        ],
      });
      return key;
    },
    async contextOf(key = edge.workspace.key) {
      const known = await findKey(services.db, await hashApiKey(key));
      if (!known) throw new Error("the key does not work");
      return { services, actor: known.actor, trace: undefined, requestId: "req_test" };
    },
    async addSession(state = "online", workspaceId = edge.workspace.id, poolId) {
      const id = createId("ses", now(), webRandom(10));
      const phone = ["online", "waiting", "connecting"].includes(state) ? "+6281200000001" : null;
      await client.execute({
        sql: `INSERT INTO session (id, workspace_id, name, state, phone, account, desired, revision, acked_revision, created_at,
          updated_at, linked_at, pool_id)
          VALUES (?, ?, 'sender', ?, ?, ?, 'running', 1, 1, ?, ?, ?, ?)`,
        args: [
          id,
          workspaceId,
          state,
          phone,
          phone,
          time,
          time,
          phone === null ? 0 : time,
          poolId ?? `pool_${workspaceId.slice(3)}`,
        ],
      });
      return id;
    },
    fetch: async (request) => app.fetch(request, { services }),
    api: (request, body, { key = edge.workspace.key, headers = {} } = {}) => {
      const [method = "GET", path = "/"] = request.split(" ");
      return answer(
        new Request(`https://api.test${path}`, {
          method,
          headers: {
            ...(key === null ? {} : { authorization: `Bearer ${key}` }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        }),
      );
    },
    sign,
    signInternal: (path, body) => sign({ method: "POST", path, body: JSON.stringify(body) }),
    async internal(path, body, token) {
      const text = JSON.stringify(body);
      return answer(
        new Request(`https://api.test${path}`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${token ?? (await sign({ method: "POST", path, body: text }))}`,
          },
          body: text,
        }),
      );
    },
    async rows(sql, ...args) {
      const { rows, columns } = await client.execute({ sql, args });
      return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
    },
    count: async (table) => Number((await edge.rows(`SELECT count(*) AS n FROM ${table}`))[0]?.["n"]),
    async settled() {
      while (pending.size > 0) await Promise.allSettled(pending);
    },
    async codeOf(id) {
      const [row] = await edge.rows("SELECT sealed_code FROM verification WHERE id = ?", id);
      return ((await unseal(String(row?.["sealed_code"]))).value as { code: string }).code;
    },
    unseal: async (sealed) => (await unseal(sealed)).value,
    purposeOf: async (sealed) => (await unseal(sealed)).purpose,
    close: () => {
      client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  edge.workspace = await edge.addWorkspace();
  return edge;
}

async function migratedFile(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "sandi-edge-"));
  const file = join(folder, "edge.db");
  const client = createClient({ url: `file:${file}` });
  await migrateDatabase(client, new Date(startsAt));
  client.close();
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  return bytes;
}

/** What the script of limits answers when all are granted; the command's third word is their number. */
const grantAll: Services["redis"] = ([, , count]) => Promise.resolve(limitAnswer(count));

/** An answer of the script of limits, the same for each counter. */
export const limitAnswer = (
  count: unknown,
  [isGranted, used, leftMs]: [0 | 1, number, number] = [1, 1, 1000],
): number[] => [isGranted, ...Array.from({ length: Number(count) }, () => [used, leftMs]).flat()];

/** A code that is not this one. */
export const wrong = (code: string) => (code === "000000" ? "000001" : "000000");
