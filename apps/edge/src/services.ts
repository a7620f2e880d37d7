import type { AtRest, KeyRing, ProofKeys, QueueCheck, Random, Sealer, TokenVerifier } from "@sandi/crypto";
import {
  type BatchJob,
  createId,
  type DeliveryJob,
  type ErasureJob,
  type IdPrefix,
  type MediaDownload,
  type ReplayJob,
  type RevokeJob,
  type SendJob,
  type SessionJob,
} from "@sandi/contracts";
import type { Tracer } from "@sandi/tracing";
import type { Db } from "./db/schema.ts";
import type { Feeds } from "./feed/feeds.ts";
import type { MediaStore } from "./media/store.ts";
import type { Streams } from "./media/streams.ts";
import type { RequestLine } from "./http/request-log.ts";
import type { CallingKey } from "./auth/calling-key.ts";
import type { TemplateCache } from "./templates/repository.ts";

/** A call that QStash makes. `deduplicationId` makes a repeated publish one delivery. */
export type Job = JobCall & { traceparent?: string; tracestate?: string };

type JobCall =
  | { kind: "send"; body: SendJob; deduplicationId: string }
  | { kind: "revoke"; body: RevokeJob; deduplicationId: string }
  | { kind: "session"; body: SessionJob; mediaDownload: MediaDownload; deduplicationId: string }
  /** To the edge itself, not before this time in milliseconds. QStash limits each `flowKey`. */
  | { kind: "delivery"; body: DeliveryJob; deduplicationId: string; flowKey: string; notBefore?: number }
  /** To the edge itself. */
  | { kind: "batch"; body: BatchJob; deduplicationId: string }
  /** To the edge itself. */
  | { kind: "erasure"; body: ErasureJob; deduplicationId: string }
  /** To the edge itself. */
  | { kind: "replay"; body: ReplayJob; deduplicationId: string };

/** A call to an address that a customer chose. */
export interface TargetCall {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What a customer's address answered. */
export interface TargetAnswer {
  status: number;
  retryAfter: string | null;
  /** The beginning of its body. */
  text: string;
}

/** A connector's answer; `undefined` if none came in time. */
export type RpcAnswer = { status: number; body: unknown } | undefined;

/** Everything that a request needs from outside. Tests replace it. */
export interface Services {
  db: Db;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  random: Random;
  publicUrl: string;
  peppers: KeyRing;
  phoneKey: KeyRing;
  linkKeys: KeyRing;
  /** Seals to the connector. Only the memory of this isolate could open it again, until the next agreement of a key. */
  seal: Sealer;
  /** Encrypts values that the edge reads again, with a key for each workspace. */
  atRest: (workspaceId: string) => AtRest;
  proofs: ProofKeys;
  /** The files of messages, sealed. */
  media: MediaStore;
  streams: Streams;
  verifyServiceToken: TokenVerifier;
  /** Sends one Redis command; rejects if the answer is an error or does not come in time. */
  redis: (command: readonly (string | number)[], timeoutMs: number) => Promise<unknown>;
  /** Per isolate: until when Redis is not asked after a failure, and until when the failure is not logged again. */
  redisOutage: { pausedUntil: number; silentUntil: number };
  /** Per isolate: limits that are used up, by counter, with their reset and the time to ask Redis again. */
  spentLimits: Map<string, { resetAt: number; forgetAt: number }>;
  /** Per isolate: unknown keys, and the networks that sent them. */
  unknownKeys: {
    /** Tries by network, in the minute that ends at `until`. */
    tries: Map<string, { count: number; until: number }>;
    /** Hashes of unknown keys, each with the time until which the database is not asked again. */
    hashes: Map<string, number>;
  };
  /** True for the first use of a token id; rejects if Redis does not answer. */
  isFirstUse: (jti: string, ttlSeconds: number) => Promise<boolean>;
  /** Publishes a job to QStash; rejects if QStash did not accept it. */
  publish: (job: Job) => Promise<void>;
  /** Publishes up to 100 jobs in one request; rejects if QStash did not accept them. */
  publishAll: (jobs: readonly Job[]) => Promise<void>;
  /** Posts to a customer's address, with a time-out and without redirects; rejects if no answer comes. */
  callTarget: (call: TargetCall) => Promise<TargetAnswer>;
  /** Gets a file from a customer's address, without redirects; rejects if no answer comes. Private addresses are refused. */
  fetchFrom: (url: string, signal: AbortSignal) => Promise<Response>;
  /** A signal that aborts after this time. */
  timeout: (ms: number) => AbortSignal;
  /** Checks QStash's signature of a delivery. */
  isFromQueue: QueueCheck;
  telegramUrl: string;
  /** Allows alerts to addresses of this machine. Never in production. */
  allowLocalTargets: boolean;
  /** @param timeoutMs where it is longer than usual */
  callConnector: (path: string, body: unknown, timeoutMs?: number) => Promise<RpcAnswer>;
  /** Per isolate: what streams of events share. */
  feeds: Feeds;
  /** Per isolate: until when each stream of a key holds its place. */
  openStreams: Map<string, Map<string, number>>;
  /** The actors of API keys, by hash, at most a minute old. */
  keyCache: Map<string, CallingKey & { until: number }>;
  /** Templates by workspace, at most a minute old. */
  templateCache: TemplateCache;
  /** Codes for one number in a day, over all workspaces. */
  destinationPerDay: number;
  /** The operator creates the first workspace with it. It works once. */
  bootstrapToken?: string;
  /** The maximum of publishing rounds in one run of the cron. */
  cronRounds: number;
  waitUntil: (work: Promise<unknown>) => void;
  tracer: Tracer;
  logRequest: (line: RequestLine) => void;
  /** Logs one line, which must hold no secrets. */
  log: (line: string, cause?: unknown) => void;
  /** The Worker's static assets. */
  assets?: { fetch: (request: Request) => Promise<Response> };
}

export const newId = <P extends IdPrefix>({ now, random }: Services, prefix: P) => createId(prefix, now(), random(10));
