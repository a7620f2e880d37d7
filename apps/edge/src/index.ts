import {
  atRest,
  type AtRest,
  createProofSigner,
  createQueueCheck,
  createSealer,
  createTokenSigner,
  createTokenVerifier,
  pooledRandom,
} from "@sandi/crypto";
import { createApp } from "./app.ts";
import { type Config, parseConfig } from "./config.ts";
import { runCron } from "./cron.ts";
import { databaseOpener } from "./db/client.ts";
import { beginningOf } from "./http/beginning.ts";
import { noFeeds } from "./feed/feeds.ts";
import { isLoopback } from "./http/targets.ts";
import { requestLog } from "./http/request-log.ts";
import { r2Store } from "./media/r2-store.ts";
import { workerStreams } from "./media/worker-streams.ts";
import { remember } from "./remember.ts";
import type { RpcAnswer, Services, TargetAnswer, TargetCall } from "./services.ts";
import { exportAfter, prepareTracing } from "./tracing.ts";
import { isFirstUse, publish, publishAll, redisOver } from "./upstash.ts";

interface Env {
  ASSETS?: Fetcher;
  MEDIA: R2Bucket;
  /** Of the workerd of this machine: a network without private addresses. Cloudflare's own network has none. */
  PUBLIC_NETWORK?: Fetcher;
}

const connectorMs = 5_000;
const targetMs = 15_000;
/** Only the beginning of an answer is read. */
const targetLimit = 4_096;

const app = createApp();
const now = () => new Date();
const random = pooledRandom();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What is made once per isolate and set of bindings. None of it holds a connection. */
const prepared = new WeakMap<object, ReturnType<typeof prepare>>();

function prepare(env: Env) {
  const config = parseConfig(env);
  const { exporter, tracer } = prepareTracing(config, { now, random, log });
  const redis = redisOver(config);
  const atRests = new Map<string, AtRest>();
  const sign = createTokenSigner({
    privateJwk: config.EDGE_TOKEN_PRIVATE_KEY,
    issuer: "sandi-edge",
    audience: "sandi-connector",
    now,
    random,
  });
  const services: Omit<Services, "db" | "waitUntil"> = {
    now,
    sleep,
    random,
    publicUrl: config.PUBLIC_URL,
    peppers: config.OTP_PEPPERS,
    phoneKey: config.PHONE_PEPPER,
    linkKeys: config.LINK_KEYS,
    seal: createSealer(config.CONNECTOR_SEAL_PUBLIC_KEY, { now, random }),
    atRest: (workspaceId) => atRestOf(config, atRests, workspaceId),
    proofs: createProofSigner({
      privateJwk: config.PROOF_PRIVATE_KEY,
      retiredJwks: config.PROOF_RETIRED_KEYS,
      issuer: config.PUBLIC_URL,
      now,
      random,
    }),
    media: r2Store(env.MEDIA, log),
    streams: workerStreams,
    verifyServiceToken: createTokenVerifier({
      publicJwk: config.CONNECTOR_TOKEN_PUBLIC_KEY,
      issuer: "sandi-connector",
      audience: "sandi-edge",
      now,
    }),
    redis,
    redisOutage: { pausedUntil: 0, silentUntil: 0 },
    spentLimits: new Map(),
    unknownKeys: { tries: new Map(), hashes: new Map() },
    isFirstUse: (jti, ttlSeconds) => isFirstUse(redis, jti, ttlSeconds),
    publish: (job) => publish(config, job),
    publishAll: (jobs) => publishAll(config, jobs),
    callTarget: (call) => callTarget(config, env, call),
    fetchFrom: (url, signal) =>
      fetchPublicly(config, env, {
        url,
        init: { redirect: "manual", signal, headers: { accept: "*/*", "user-agent": "Sandi" } },
      }),
    timeout: (ms) => AbortSignal.timeout(ms),
    isFromQueue: createQueueCheck([config.QSTASH_CURRENT_SIGNING_KEY, config.QSTASH_NEXT_SIGNING_KEY], now),
    telegramUrl: config.TELEGRAM_API_URL,
    allowLocalTargets: config.ALLOW_LOCAL_TARGETS !== undefined,
    async callConnector(path, body, timeoutMs = connectorMs) {
      const text = JSON.stringify(body);
      const token = await sign({ method: "POST", path, body: text });
      return callConnector(new URL(config.CONNECTOR_URL + path), { token, body: text, timeoutMs });
    },
    feeds: noFeeds(),
    openStreams: new Map(),
    keyCache: new Map(),
    templateCache: new Map(),
    destinationPerDay: config.DESTINATION_PER_DAY,
    ...(config.BOOTSTRAP_TOKEN === undefined ? {} : { bootstrapToken: config.BOOTSTRAP_TOKEN }),
    cronRounds: config.CRON_ROUNDS,
    tracer,
    logRequest: requestLog(config.LOG_REQUESTS, (line) => console.log(line)),
    log,
    ...(env.ASSETS ? { assets: env.ASSETS } : {}),
  };
  const openDatabase = databaseOpener(config.LIBSQL_URL, config.LIBSQL_AUTH_TOKEN);
  return { services, openDatabase, exporter };
}

/** The maximum of workspaces whose derived keys are in an isolate's memory. */
const mostAtRests = 1_000;

function atRestOf({ AT_REST_KEYS }: Config, known: Map<string, AtRest>, workspaceId: string): AtRest {
  const made = known.get(workspaceId);
  if (made) return made;
  const atRestOfIt = atRest(AT_REST_KEYS, workspaceId, random);
  remember(known, [workspaceId, atRestOfIt], mostAtRests);
  return atRestOfIt;
}

function preparedFor(env: Env): ReturnType<typeof prepare> {
  let known = prepared.get(env);
  if (!known) prepared.set(env, (known = prepare(env)));
  return known;
}

interface ConnectorCall {
  token: string;
  body: string;
  timeoutMs: number;
}

async function callConnector(url: URL, { token, body, timeoutMs }: ConnectorCall): Promise<RpcAnswer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  } catch {
    return undefined;
  }
}

async function callTarget(config: Config, env: Env, { url, headers, body }: TargetCall): Promise<TargetAnswer> {
  const signal = AbortSignal.timeout(targetMs);
  const init = { method: "POST", headers, body, redirect: "manual", signal } as const;
  // The operator chose Telegram's address, nobody else.
  const isOwn = url.startsWith(`${config.TELEGRAM_API_URL}/`);
  const response = await (isOwn ? fetch(url, init) : fetchPublicly(config, env, { url, init }));
  const text = await beginningOf(response.body, targetLimit);
  return { status: response.status, retryAfter: response.headers.get("retry-after"), text };
}

interface Fetching {
  url: string;
  init: RequestInit & { redirect: "manual"; signal: AbortSignal };
}

/** Calls an address that a customer chose. */
function fetchPublicly(config: Config, env: Env, { url, init }: Fetching): Promise<Response> {
  const isLocal = config.ALLOW_LOCAL_TARGETS !== undefined && isLoopback(url);
  return env.PUBLIC_NETWORK && !isLocal ? env.PUBLIC_NETWORK.fetch(url, init) : fetch(url, init);
}

function log(line: string, cause?: unknown): void {
  console.warn(cause === undefined ? line : `${line}: ${nameOf(cause)}`);
}

/** The names of an error and its causes. Messages are left out: they may hold SQL or values. */
function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const code = "code" in cause && typeof cause.code === "string" ? ` ${cause.code}` : "";
  return `${cause.name}${code}${cause.cause === undefined ? "" : ` < ${nameOf(cause.cause)}`}`;
}

/** Runs the work of one event, and exports its spans when all work in `waitUntil` is done. */
async function run<T>(env: Env, context: ExecutionContext, work: (services: Services) => T | Promise<T>): Promise<T> {
  const { services, openDatabase, exporter } = preparedFor(env);
  const underway: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => {
    underway.push(promise);
    context.waitUntil(promise);
  };
  try {
    return await work({ ...services, db: openDatabase(), waitUntil });
  } finally {
    if (exporter) context.waitUntil(exportAfter({ exporter, sleep }, underway));
  }
}

export default {
  async fetch(request, env, context) {
    try {
      preparedFor(env);
    } catch (error) {
      // The log names the wrong variables, never their values. The answer names none.
      console.error(error instanceof Error ? error.message : "the configuration could not be read");
      return Response.json(
        { type: "about:blank", title: "Sandi is not configured yet", status: 503, code: "internal-error" },
        { status: 503, headers: { "content-type": "application/problem+json", "cache-control": "no-store" } },
      );
    }
    return run(env, context, (services) => app.fetch(request, { services }, context));
  },
  async scheduled(_, env, context) {
    await run(env, context, async (services) => {
      await runCron(services);
    });
  },
} satisfies ExportedHandler<Env>;
