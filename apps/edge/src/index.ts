import {
  atRest,
  type AtRest,
  createProofSigner,
  createQueueCheck,
  createSealer,
  createTokenSigner,
  createTokenVerifier,
  webRandom,
} from "@sandi/crypto";
import { createApp } from "./app.ts";
import { parseConfig } from "./config.ts";
import { runCron } from "./cron.ts";
import { openDatabase } from "./db/client.ts";
import { requestLog } from "./http/request-log.ts";
import { remember } from "./remember.ts";
import type { RpcAnswer, Services, TargetAnswer, TargetCall } from "./services.ts";
import { exportAfter, prepareTracing } from "./tracing.ts";
import { isFirstUse, publish, publishAll, redisOver } from "./upstash.ts";

interface Env {
  ASSETS?: Fetcher;
}

const connectorMs = 5_000;
const targetMs = 10_000;
/** Only the beginning of an answer is read. */
const targetLimit = 4_096;

const app = createApp();
const now = () => new Date();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Parts that are made once per isolate and set of bindings. None of them holds a connection. */
const prepared = new WeakMap<object, ReturnType<typeof prepare>>();

function prepare(env: Env) {
  const config = parseConfig(env);
  return {
    config,
    seal: createSealer(config.CONNECTOR_SEAL_PUBLIC_KEY, { now, random: webRandom }),
    proofs: createProofSigner({
      privateJwk: config.PROOF_PRIVATE_KEY,
      retiredJwks: config.PROOF_RETIRED_KEYS,
      issuer: config.PUBLIC_URL,
      now,
      random: webRandom,
    }),
    verifyServiceToken: createTokenVerifier({
      publicJwk: config.CONNECTOR_TOKEN_PUBLIC_KEY,
      issuer: "sandi-connector",
      audience: "sandi-edge",
      now,
    }),
    sign: createTokenSigner({
      privateJwk: config.EDGE_TOKEN_PRIVATE_KEY,
      issuer: "sandi-edge",
      audience: "sandi-connector",
      now,
      random: webRandom,
    }),
    isFromQueue: createQueueCheck([config.QSTASH_CURRENT_SIGNING_KEY, config.QSTASH_NEXT_SIGNING_KEY], now),
    ...prepareTracing(config, { now, log }),
    logRequest: requestLog(config.LOG_REQUESTS, (line) => console.log(line)),
    redis: redisOver(config),
    redisOutage: { pausedUntil: 0, silentUntil: 0 } satisfies Services["redisOutage"],
    spentLimits: new Map() satisfies Services["spentLimits"],
    unknownKeys: { tries: new Map(), hashes: new Map() } satisfies Services["unknownKeys"],
    keyCache: new Map() satisfies Services["keyCache"],
    templateCache: new Map() satisfies Services["templateCache"],
    atRests: new Map<string, AtRest>(),
  };
}

/** The maximum of workspaces whose derived keys are in an isolate's memory. */
const mostAtRests = 1_000;

function atRestOf({ config, atRests }: ReturnType<typeof prepare>, workspaceId: string): AtRest {
  const known = atRests.get(workspaceId);
  if (known) return known;
  const made = atRest(config.AT_REST_KEYS, workspaceId, webRandom);
  remember(atRests, [workspaceId, made], mostAtRests);
  return made;
}

function preparedFor(env: Env): ReturnType<typeof prepare> {
  let known = prepared.get(env);
  if (!known) prepared.set(env, (known = prepare(env)));
  return known;
}

function servicesFor(known: ReturnType<typeof prepare>, env: Env, waitUntil: Services["waitUntil"]): Services {
  const { config, seal, proofs, sign, verifyServiceToken, redis, redisOutage, keyCache, templateCache } = known;
  return {
    db: openDatabase(config.LIBSQL_URL, config.LIBSQL_AUTH_TOKEN),
    now,
    sleep,
    random: webRandom,
    publicUrl: config.PUBLIC_URL,
    peppers: config.OTP_PEPPERS,
    phoneKey: config.PHONE_PEPPER,
    linkKeys: config.LINK_KEYS,
    seal,
    atRest: (workspaceId) => atRestOf(known, workspaceId),
    proofs,
    verifyServiceToken,
    redis,
    redisOutage,
    spentLimits: known.spentLimits,
    unknownKeys: known.unknownKeys,
    isFirstUse: (jti, ttlSeconds) => isFirstUse(redis, jti, ttlSeconds),
    publish: (job) => publish(config, job),
    publishAll: (jobs) => publishAll(config, jobs),
    callTarget,
    isFromQueue: known.isFromQueue,
    telegramUrl: config.TELEGRAM_API_URL,
    allowLocalTargets: config.ALLOW_LOCAL_TARGETS !== undefined,
    async callConnector(path, body) {
      const text = JSON.stringify(body);
      const token = await sign({ method: "POST", path, body: text });
      return callConnector(new URL(config.CONNECTOR_URL + path), token, text);
    },
    keyCache,
    templateCache,
    destinationPerDay: config.DESTINATION_PER_DAY,
    ...(config.BOOTSTRAP_TOKEN === undefined ? {} : { bootstrapToken: config.BOOTSTRAP_TOKEN }),
    cronRounds: config.CRON_ROUNDS,
    waitUntil,
    tracer: known.tracer,
    logRequest: known.logRequest,
    log,
    ...(env.ASSETS ? { assets: env.ASSETS } : {}),
  };
}

async function callConnector(url: URL, token: string, body: string): Promise<RpcAnswer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(connectorMs),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  } catch {
    return undefined;
  }
}

async function callTarget({ url, headers, body }: TargetCall): Promise<TargetAnswer> {
  const signal = AbortSignal.timeout(targetMs);
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  const { value } = (await response.body?.getReader().read()) ?? {};
  const text = new TextDecoder().decode(value?.subarray(0, targetLimit));
  return { status: response.status, retryAfter: response.headers.get("retry-after"), text };
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
  const known = preparedFor(env);
  const underway: Promise<unknown>[] = [];
  const services = servicesFor(known, env, (promise) => {
    underway.push(promise);
    context.waitUntil(promise);
  });
  try {
    return await work(services);
  } finally {
    const { exporter } = known;
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
