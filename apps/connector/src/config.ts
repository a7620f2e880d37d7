import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  createKeyRing,
  createTokenSigner,
  createTokenVerifier,
  createUnsealer,
  flawOf,
  isQuoted,
  webRandom,
} from "@sandi/crypto";
import { parseOtlpHeaders } from "@sandi/tracing";
import { z } from "zod";
import type { ClientVersion } from "./services.ts";
import { parseVersion } from "./versions.ts";

/** Everything the process takes from its environment, parsed once. */
export interface Config {
  host: string;
  port: number;
  /** The port of `/metrics`, which the internet must not reach; 0: none. */
  metricsPort: number;
  /** Where the other connectors of the same database reach this one. */
  internalUrl: string;
  /** Names the machine over restarts. A new run of it acquires its own leases again at once. */
  connectorId: string;
  /** The address that QStash calls; job signatures name it. */
  publicUrl: string;
  edgeUrl: string;
  /** A call fails after `timeoutMs`, which is less than a lease. */
  database: { url: string; authToken: string | undefined; timeoutMs?: number };
  /** Files on their way to WhatsApp; empty but for running transfers. */
  mediaFolder: string;
  /** The program that converts voice notes and makes previews of videos. */
  ffmpegPath: string;
  storeKeys: string;
  connectorTokenPrivateKey: string;
  edgeTokenPublicKey: string;
  sealPrivateKey: string;
  qstash: { currentSigningKey: string; nextSigningKey: string };
  whatsapp: { wsUrl: string; rootKey: Uint8Array | undefined; isSimulated: boolean; version: ClientVersion | null };
  /** Allows proxies on this machine and in its network: for the local stack and tests only. */
  allowPrivateProxies: boolean;
  logLevel: string;
  /** Where spans are exported to; without an endpoint nothing is exported. */
  otel: { endpoint: string | undefined; headers: Record<string, string>; serviceName: string; ratio: number };
  leaseMs: number;
  sessionCapacity: number;
  connectConcurrency: number;
  /** Sessions that are acquired together open this many sockets a second. */
  connectPerSecond: number;
  ackTimeoutMs: number;
  drainMs: number;
  ledgerDays: number;
  /** How many unknown numbers a session may look up, and how many percent of a day's may have no account. */
  lookUps: { perHour: number; perDay: number; deadPercent: number };
}

const minDatabaseMs = 1000;
const realWebSocketUrl = "wss://web.whatsapp.com/ws/chat";

/** A text that can be used as it is. The issue says what is wrong, and never shows the text. */
const textWithout = (flaw: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = flaw(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
const secret = textWithout((text) => flawOf(text));
/** A path may hold spaces, and so may a header. */
const line = textWithout((text) => flawOf(text, { isOneWord: false }));
// Spaces around keys are harmless.
const keyText = textWithout((text) => (isQuoted(text) ? "has quotes around it" : undefined));

const httpUrl = secret
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), "must be an http or https URL")
  .transform((text) => text.replace(/\/+$/, ""));

const seconds = (fallback: number, min: number, max: number) => z.coerce.number().min(min).max(max).default(fallback);
const count = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const now = () => new Date(0);

const Environment = z
  .object({
    HOST: z.string().min(1).default("127.0.0.1"),
    PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
    METRICS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
    CONNECTOR_ID: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,63}$/, "must be 1 to 63 letters, digits, _ or -")
      .optional(),
    FLY_MACHINE_ID: z.string().optional(),
    FLY_APP_NAME: z.string().optional(),
    PUBLIC_URL: httpUrl,
    INTERNAL_URL: httpUrl.optional(),
    EDGE_URL: httpUrl,
    LIBSQL_URL: line.regex(/^(file|libsql|https?|wss?):/, "must start with file:, libsql:, http:, https:, ws: or wss:"),
    LIBSQL_AUTH_TOKEN: secret.optional(),
    STORE_KEYS: accepted("must read kid:base64url of 32 bytes, comma between several", createKeyRing),
    CONNECTOR_TOKEN_PRIVATE_KEY: accepted("must be an Ed25519 private JWK", (privateJwk) => {
      createTokenSigner({ privateJwk, issuer: "", audience: "", now, random: webRandom });
      jwk(privateJwk, "OKP", true);
    }),
    EDGE_TOKEN_PUBLIC_KEY: accepted("must be an Ed25519 public JWK", (publicJwk) => {
      createTokenVerifier({ publicJwk, issuer: "", audience: "", now });
      jwk(publicJwk, "OKP", false);
    }),
    CONNECTOR_SEAL_PRIVATE_KEY: accepted("must be a P-256 private JWK", (text) => {
      createUnsealer(text);
      jwk(text, "EC", true);
    }),
    QSTASH_CURRENT_SIGNING_KEY: secret,
    QSTASH_NEXT_SIGNING_KEY: secret,
    WHATSAPP_WS_URL: secret
      .refine((text) => URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol), "must be a ws or wss URL")
      .default(realWebSocketUrl),
    WHATSAPP_ROOT_KEY: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "must be 32 bytes in hex")
      .optional(),
    WHATSAPP_VERSION: z
      .string()
      .refine((text) => parseVersion(text) !== null, "must be three numbers such as 2.3000.1029384756")
      .optional(),
    ALLOW_PRIVATE_PROXIES: z.enum(["true", "false"]).default("false"),
    FFMPEG_PATH: line.default("ffmpeg"),
    LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "silent"]).default("info"),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
    OTEL_EXPORTER_OTLP_HEADERS: accepted("must read name=value[,name=value]", parseOtlpHeaders, line).default(""),
    OTEL_SERVICE_NAME: z.string().min(1).max(100).default("sandi-connector"),
    OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
    LEASE_SECONDS: seconds(15, 1, 300),
    SESSION_CAPACITY: count(500, 10_000),
    CONNECT_CONCURRENCY: count(32, 1_000),
    CONNECT_PER_SECOND: count(50, 10_000),
    ACK_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000),
    DRAIN_SECONDS: seconds(10, 0, 300),
    LOOKUPS_PER_HOUR: count(1000, 1_000_000),
    LOOKUPS_PER_DAY: count(5000, 1_000_000),
    LOOKUPS_DEAD_PERCENT: count(50, 100),
    LEDGER_DAYS: z.coerce.number().min(1).max(90).default(7),
  })
  .superRefine((env, context) => {
    const url = URL.parse(env.WHATSAPP_WS_URL);
    if (!url || isLoopback(url)) return;
    if (env.WHATSAPP_ROOT_KEY !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["WHATSAPP_ROOT_KEY"],
        message: "is for a loopback WHATSAPP_WS_URL only",
      });
    }
    if (url.protocol !== "wss:" || url.host !== "web.whatsapp.com") {
      context.addIssue({
        code: "custom",
        path: ["WHATSAPP_WS_URL"],
        message: "must be wss://web.whatsapp.com or on loopback",
      });
    }
  });

/** Reads the environment. Throws an `Error` that names each variable and what is wrong, never its value. */
export function readConfig(environment: Record<string, string | undefined>, hostName: string): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = Environment.safeParse(present, {
    error: (issue) => (issue.code === "invalid_type" && issue.input === undefined ? "is missing" : undefined),
  });
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The connector's environment is not right:\n${[...new Set(lines)].join("\n")}`);
  }
  const env = parsed.data;
  const wsUrl = new URL(env.WHATSAPP_WS_URL);
  const connectorId =
    env.CONNECTOR_ID ?? env.FLY_MACHINE_ID ?? hostName.replaceAll(/[^A-Za-z0-9_-]/g, "-").slice(0, 63);
  return {
    host: env.HOST,
    port: env.PORT,
    metricsPort: env.METRICS_PORT,
    connectorId,
    publicUrl: env.PUBLIC_URL,
    internalUrl: env.INTERNAL_URL ?? internalUrl(env),
    edgeUrl: env.EDGE_URL,
    database: {
      url: env.LIBSQL_URL,
      authToken: env.LIBSQL_AUTH_TOKEN,
      // After a renewal that times out there is time for another one.
      timeoutMs: Math.max(minDatabaseMs, env.LEASE_SECONDS * 500),
    },
    mediaFolder: mediaFolder(env.LIBSQL_URL, connectorId),
    ffmpegPath: env.FFMPEG_PATH,
    storeKeys: env.STORE_KEYS,
    connectorTokenPrivateKey: env.CONNECTOR_TOKEN_PRIVATE_KEY,
    edgeTokenPublicKey: env.EDGE_TOKEN_PUBLIC_KEY,
    sealPrivateKey: env.CONNECTOR_SEAL_PRIVATE_KEY,
    qstash: { currentSigningKey: env.QSTASH_CURRENT_SIGNING_KEY, nextSigningKey: env.QSTASH_NEXT_SIGNING_KEY },
    whatsapp: {
      wsUrl: env.WHATSAPP_WS_URL,
      rootKey: env.WHATSAPP_ROOT_KEY === undefined ? undefined : Buffer.from(env.WHATSAPP_ROOT_KEY, "hex"),
      isSimulated: isLoopback(wsUrl),
      version: env.WHATSAPP_VERSION === undefined ? null : parseVersion(env.WHATSAPP_VERSION),
    },
    allowPrivateProxies: env.ALLOW_PRIVATE_PROXIES === "true",
    logLevel: env.LOG_LEVEL,
    otel: {
      endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: parseOtlpHeaders(env.OTEL_EXPORTER_OTLP_HEADERS),
      serviceName: env.OTEL_SERVICE_NAME,
      ratio: env.OTEL_TRACES_SAMPLER_ARG,
    },
    leaseMs: env.LEASE_SECONDS * 1000,
    sessionCapacity: env.SESSION_CAPACITY,
    connectConcurrency: env.CONNECT_CONCURRENCY,
    connectPerSecond: env.CONNECT_PER_SECOND,
    ackTimeoutMs: env.ACK_TIMEOUT_MS,
    drainMs: env.DRAIN_SECONDS * 1000,
    ledgerDays: env.LEDGER_DAYS,
    lookUps: {
      perHour: env.LOOKUPS_PER_HOUR,
      perDay: env.LOOKUPS_PER_DAY,
      deadPercent: env.LOOKUPS_DEAD_PERCENT,
    },
  };
}

/** Beside the store where that is a file. Each connector has its own folder, because it empties it at its start. */
function mediaFolder(storeUrl: string, connectorId: string): string {
  const [, file] = /^file:(?:\/\/)?([^?]+)/.exec(storeUrl) ?? [];
  return join(file === undefined ? tmpdir() : dirname(file), `sandi-media-${connectorId}`);
}

/** On Fly machines reach each other by name; elsewhere by the address that this one listens on. */
function internalUrl(env: {
  HOST: string;
  PORT: number;
  FLY_MACHINE_ID?: string | undefined;
  FLY_APP_NAME?: string | undefined;
}): string {
  if (env.FLY_MACHINE_ID && env.FLY_APP_NAME) {
    return `http://${env.FLY_MACHINE_ID}.vm.${env.FLY_APP_NAME}.internal:${env.PORT}`;
  }
  return `http://${env.HOST.includes(":") ? `[${env.HOST}]` : env.HOST}:${env.PORT}`;
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** A text that `check` accepts. The error that it throws is not shown, because it may quote the text. */
function accepted(message: string, check: (text: string) => unknown, base: z.ZodType<string> = keyText) {
  return base.refine((text) => {
    try {
      check(text);
      return true;
    } catch {
      return false;
    }
  }, message);
}

function jwk(text: string, kty: string, isPrivate: boolean): void {
  const key = JSON.parse(text) as Record<string, unknown>;
  if (key["kty"] !== kty || (typeof key["d"] === "string") !== isPrivate) throw new Error("another kind of key");
}
