import type { AtRest, KeyRing, ProofKeys, QueueCheck, Random, Sealer, TokenVerifier } from "@sandi/crypto";
import {
  createId,
  type DeliveryJob,
  type IdPrefix,
  type RevokeJob,
  type SendJob,
  type SessionJob,
} from "@sandi/contracts";
import type { Tracer } from "@sandi/tracing";
import type { Db } from "./db/schema.ts";
import type { RequestLine } from "./http/request-log.ts";
import type { CallingKey } from "./auth/calling-key.ts";
import type { TemplateCache } from "./templates/repository.ts";

/** A job on its way to a connector; `deduplicationId` makes a repeated publish one delivery. */
export type Job = JobCall & { traceparent?: string; tracestate?: string };

type JobCall =
  | { kind: "send"; body: SendJob; deduplicationId: string }
  | { kind: "revoke"; body: RevokeJob; deduplicationId: string }
  | { kind: "session"; body: SessionJob; deduplicationId: string }
  /** To ourselves; those of one `flowKey` are kept at a pace. */
  | { kind: "delivery"; body: DeliveryJob; deduplicationId: string; flowKey: string };

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
  /** Its beginning. */
  text: string;
}

/** What a connector answered; `undefined` when none answered in time. */
export type RpcAnswer = { status: number; body: unknown } | undefined;

/** Everything that a request needs from outside; replaced whole in tests. */
export interface Services {
  db: Db;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  random: Random;
  publicUrl: string;
  peppers: KeyRing;
  phoneKey: KeyRing;
  linkKeys: KeyRing;
  /** Seals to the connector; the edge cannot open it again. */
  seal: Sealer;
  /** Encrypts what the edge itself has to read again, in a workspace's name. */
  atRest: (workspaceId: string) => AtRest;
  proofs: ProofKeys;
  verifyServiceToken: TokenVerifier;
  /** One Redis command; rejects when it was not answered in time, or with an error. */
  redis: (command: readonly (string | number)[], timeoutMs: number) => Promise<unknown>;
  /** Until when Redis is left alone because it failed, and limits say nothing more of it; kept per isolate. */
  redisOutage: { pausedUntil: number; quietUntil: number };
  /** Limits that are used up, by counter: when they reset, and when to ask Redis again; kept per isolate. */
  spentLimits: Map<string, { resetAt: number; forgetAt: number }>;
  /** Networks that sent unknown keys; kept per isolate. */
  strangers: {
    /** By network: how many, in the minute that ends at `until`. */
    tries: Map<string, { count: number; until: number }>;
    /** Hashes of unknown keys, and until when the database is not asked again. */
    unknown: Map<string, number>;
  };
  /** True the first time that a token id is seen; rejects when Redis does not answer. */
  isFirstUse: (jti: string, ttlSeconds: number) => Promise<boolean>;
  /** Hands a job to QStash; rejects when it was not taken. */
  publish: (job: Job) => Promise<void>;
  /** Up to 100 jobs in one request; rejects when QStash did not take them. */
  publishAll: (jobs: readonly Job[]) => Promise<void>;
  /** Posts to an address that a customer chose, with a time-out and without following redirects; rejects without an answer. */
  callTarget: (call: TargetCall) => Promise<TargetAnswer>;
  /** Whether QStash has signed what it delivers here. */
  isFromQueue: QueueCheck;
  telegramUrl: string;
  /** Alerts may go to this machine: never in production. */
  allowLocalTargets: boolean;
  callConnector: (path: string, body: unknown) => Promise<RpcAnswer>;
  /** The actors of API keys looked up lately, by hash: at most a minute old. */
  keyCache: Map<string, CallingKey & { until: number }>;
  /** Templates looked up lately, by workspace: at most a minute old. */
  templateCache: TemplateCache;
  /** Codes for one number in a day, over all workspaces. */
  destinationPerDay: number;
  /** With it the operator makes the first workspace, once. */
  bootstrapToken?: string;
  /** How many rounds of publishing one run of the cron may take. */
  cronRounds: number;
  waitUntil: (work: Promise<unknown>) => void;
  tracer: Tracer;
  logRequest: (line: RequestLine) => void;
  /** One line without secrets. */
  log: (line: string, cause?: unknown) => void;
  /** The Worker's static assets. */
  assets?: { fetch: (request: Request) => Promise<Response> };
}

export const newId = <P extends IdPrefix>({ now, random }: Services, prefix: P) => createId(prefix, now(), random(10));
