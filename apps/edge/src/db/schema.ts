import type {
  DeliveryError,
  DesiredState,
  FailureReason,
  IncidentKind,
  Locale,
  MessageStatus,
  Pacing,
  PoolFallback,
  PoolStrategy,
  SealedContent,
  SessionReason,
  SessionState,
  VerificationStatus,
} from "@sandi/contracts";
import type { Generated } from "kysely";
import type { Database } from "@sandi/libsql";

/** The tables. Times are milliseconds, JSON is text. */
export interface Tables {
  /** `policy` and `quota` are JSON of the fields that the workspace and the operator have set. */
  workspace: { id: string; name: string; policy: string; quota: string; createdAt: number };
  user: { id: string; workspaceId: string; email: string; passwordHash: string; role: "admin"; createdAt: number };
  apiKey: ApiKeyTable;
  pool: PoolTable;
  session: SessionTable;
  verification: VerificationTable;
  destinationBudget: DestinationBudgetTable;
  destinationSend: DestinationSendTable;
  prefixGuard: PrefixGuardTable;
  accessRule: AccessRuleTable;
  warmContact: WarmContactTable;
  message: MessageTable;
  template: TemplateTable;
  supabaseHook: SupabaseHookTable;
  sessionFigure: SessionFigureTable;
  event: EventTable;
  conversion: ConversionTable;
  audit: AuditTable;
  bootstrap: { tokenHash: string; workspaceId: string; usedAt: number };
  idempotency: IdempotencyTable;
  endpoint: EndpointTable;
  incident: IncidentTable;
  delivery: DeliveryTable;
  job: JobTable;
  pairingRequest: PairingRequestTable;
}

/** A request to WhatsApp for a pairing code, which shows a prompt on the phone of the number's owner. */
interface PairingRequestTable {
  id: Generated<number>;
  workspaceId: string;
  sessionId: string;
  /** The number's hash across all workspaces. */
  numberHash: string;
  /** Hash of the spelling in the request. */
  writtenHash: string;
  /** The session's revision at that time; a later revision makes the code invalid. */
  revision: number;
  createdAt: number;
}

/** An address outside that a workspace has deliveries sent to. */
export interface EndpointTable {
  id: string;
  workspaceId: string;
  /** What it receives: reports of incidents, or events. */
  topic: "alert" | "event";
  kind: "telegram" | "slack" | "webhook";
  name: string;
  /** Sealed. */
  target: string;
  /** The target as it is shown, masked. */
  label: string;
  /** JSON object, defined by the topic. */
  settings: string;
  failuresInRow: number;
  pausedAt: number | null;
  pausedBecause: "requested" | "failures" | "key_ended" | null;
  /** The API key that owns it; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}

/** Opened and closed by triggers, and by cron (alerts/detect-incidents.ts). */
export interface IncidentTable {
  id: string;
  workspaceId: string;
  /** A session's id, or a channel's. */
  subject: string;
  kind: IncidentKind;
  reason: string | null;
  openedAt: number;
  /** When it last opened. */
  since: number;
  closedAt: number | null;
  ending: "recovered" | "superseded" | "withdrawn" | null;
  /** When it closes by itself. */
  until: number | null;
  times: number;
  changedAt: number;
}

/** One message to one endpoint. */
export interface DeliveryTable {
  id: string;
  workspaceId: string;
  endpointId: string;
  /** The incident or the event that it reports; null for a test and for a digest. */
  subjectId: string | null;
  /** `test`; `opened`, `reopened` or `closed` of an incident; the type of an event. */
  type: string;
  /** How often its incident had begun; for a digest, how many incidents it reports; for an event 1. */
  times: number;
  /** JSON of the incident as it was when the delivery was stored. */
  content: string;
  /** `in_digest`: another delivery reports it. */
  status: "queued" | "delivered" | "failed" | "in_digest";
  /** The delivery that reports it together with others. */
  digestId: string | null;
  attempts: number;
  lastStatus: number | null;
  error: DeliveryError | null;
  claimUntil: number;
  deliveredAt: number | null;
  createdAt: number;
}

/** A call of QStash about a row of another table. It is deleted when that row no longer needs it (jobs/). */
interface JobTable {
  kind: string;
  subjectId: string;
  workspaceId: string;
  /** Cron publishes it from this time on. */
  publishAfter: number;
  publishCount: number;
  /** Null: never. */
  expiresAt: number | null;
  /** The W3C `traceparent` of the request that appended it. */
  traceparent: string | null;
}

export interface DestinationBudgetTable {
  workspaceId: string;
  toHash: string;
  /** Wrong codes since the last right code. */
  consecutive: number;
  lockedUntil: number;
  /** Wrong codes since `failuresFrom`, within an hour. */
  failures: number;
  failuresFrom: number;
  /** Locks since the last right code. Each lasts twice as long as the one before. */
  locks: number;
  updatedAt: number;
}

interface DestinationSendTable {
  /** Empty for the count over all workspaces. */
  workspaceId: string;
  toHash: string;
  shortFrom: number;
  shortCount: number;
  hourFrom: number;
  hourCount: number;
  dayFrom: number;
  dayCount: number;
}

interface PrefixGuardTable {
  workspaceId: string;
  /** The first seven digits, without the plus. */
  prefix: string;
  blockedUntil: number;
  /** Blocks in a row. Each lasts twice as long as the one before. */
  strikes: number;
  /** The counts that led to the block. */
  sends: number;
  approved: number;
  updatedAt: number;
}

export interface AccessRuleTable {
  id: string;
  workspaceId: string;
  effect: "allow" | "block";
  kind: "number" | "prefix" | "country" | "ip";
  /** A number's hash, digits, a country, or the first address of a range (32 hex digits). */
  value: string;
  /** The last address of a range, else empty. */
  valueTo: string;
  /** The value of the request; a number is masked. */
  label: string;
  note: string | null;
  expiresAt: number | null;
  createdAt: number;
}

export interface TemplateTable {
  id: string;
  workspaceId: string;
  name: string;
  /** The purpose that it is the default for. */
  purpose: string | null;
  /** JSON object: locale to text. */
  texts: string;
  createdAt: number;
  updatedAt: number;
}

export interface SupabaseHookTable {
  id: string;
  workspaceId: string;
  name: string;
  companyName: string | null;
  locale: Locale | null;
  templateId: string | null;
  /** Sealed, as is the previous one, which is valid until `previousUntil`. */
  secret: string;
  previousSecret: string | null;
  previousUntil: number | null;
  /** The API key that owns it; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}

/** Counts of a session's outcomes in slots of ten minutes. */
interface SessionFigureTable {
  workspaceId: string;
  sessionId: string;
  outcome: FailureReason | "sent" | "delivered" | "heard";
  slot: number;
  count: number;
  lastAt: number;
}

/** Written by triggers (life-triggers.ts and migrations). */
export interface EventTable {
  seq: Generated<number>;
  id: string;
  workspaceId: string;
  type: string;
  verificationId: string | null;
  messageId: string | null;
  sessionId: string | null;
  /** JSON object. */
  data: string;
  at: number;
}

/** Written by triggers (life-triggers.ts). */
interface ConversionTable {
  workspaceId: string;
  prefix: string;
  /** Start of the hour in which the verifications were created. */
  hour: number;
  country: string;
  sessionId: string;
  templateId: string;
  purpose: string;
  mode: string;
  /**
   * `created`, `resent`, `received`, `sent`, `delivered`, `read`, and every terminal status. `known_created`,
   * `known_resent` and `known_approved` count codes that the caller knows, in addition to the plain stages.
   */
  stage: string;
  /** Lower bound of the time since creation, in milliseconds. */
  bucket: number;
  count: number;
}

interface AuditTable {
  id: string;
  workspaceId: string;
  /** An API key's id, or `operator`. */
  actor: string;
  /** A past fact, such as `key.created`. */
  action: string;
  target: string;
  /** JSON object. */
  detail: string;
  /** The entry is by or about a test key. */
  test: 0 | 1;
  createdAt: number;
}

interface ApiKeyTable {
  id: string;
  workspaceId: string;
  name: string;
  hash: string;
  prefix: string;
  environment: "live" | "test";
  /** JSON array of `Scope`. */
  scopes: string;
  /** JSON array of addresses and CIDR ranges; empty: from anywhere. */
  ipAllowList: string;
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
  /** The key that replaced it in a rotation. */
  replacedBy: string | null;
  createdAt: number;
}

export interface PoolTable {
  /** The id of the default pool is derived from the workspace's id. */
  id: string;
  workspaceId: string;
  name: string;
  strategy: PoolStrategy;
  pacing: Pacing;
  fallback: PoolFallback;
  /** Strangers that each session may write to in a day; -1: depends on the session's age. */
  newChatsPerDay: number | null;
  /** The number of messages so far, for `round_robin`. */
  turn: number;
  createdAt: number;
  updatedAt: number;
}

/** A recipient that has a chat with a session. */
interface WarmContactTable {
  workspaceId: string;
  toHash: string;
  sessionId: string;
  lastAt: number;
  /** When the recipient last wrote to the session. */
  wroteAt: number | null;
  /** When the session last reached the recipient. */
  reachedAt: number | null;
}

export interface SessionTable {
  id: string;
  workspaceId: string;
  name: string;
  state: SessionState;
  reason: SessionReason | null;
  phone: string | null;
  /** The account that is linked or was linked last: E.164, masked, and since when. */
  account: string | null;
  accountMasked: string | null;
  /** 0: never. */
  linkedAt: number;
  /** `seq` of the newest applied `session.state` event. */
  stateSeq: number;
  desired: DesiredState;
  revision: number;
  /** The newest revision that a connector has applied. */
  ackedRevision: number;
  /** Since when it is in its state; null: since it was created. */
  since: number | null;
  /** Connections lost since it was last online for a while, and when the next connection opens. */
  attempts: number;
  nextAttemptAt: number | null;
  /** `seq` and time of the newest applied `session.limits` event; the time is null before the first. */
  limitsSeq: number;
  limitsAt: number | null;
  newChatsLockedUntil: number | null;
  newChatsTotal: number | null;
  newChatsUsed: number | null;
  newChatsResetAt: number | null;
  pausedUntil: number | null;
  /** JSON of scheme, host and port. */
  proxy: string | null;
  /** The URL with credentials, sealed to the connector. */
  proxySealed: string | null;
  proxySeq: number;
  proxyHealthy: 0 | 1 | null;
  proxyAt: number | null;
  createdAt: number;
  updatedAt: number;
  poolId: string;
  /** Its queued and sending messages. Triggers write this column and all below (life-triggers.ts). */
  waiting: number;
  /** Recipients that it wrote to for the first time in the 24 hours since `newChatsFrom`. */
  newChats: number;
  newChatsFrom: number;
  /** The pool's `turn` when the session was last chosen. */
  turn: number;
  /** Start of the half hour of `sends` and `failures`; `earlier…` are of the half hour before. */
  countedFrom: number;
  sends: number;
  failures: number;
  earlierSends: number;
  earlierFailures: number;
}

export interface VerificationTable {
  id: string;
  workspaceId: string;
  toHash: string;
  toMasked: string;
  purpose: string;
  status: VerificationStatus;
  mode: "push" | "inbound";
  /** The number's hash across all workspaces. */
  globalHash: string;
  /** ISO 3166-1 alpha-2; empty for numbers of the sandbox. */
  country: string;
  /** The first seven digits, without the plus. */
  prefix: string;
  /** The session that sends, or that the user writes to. */
  sessionId: string;
  /** The pool whose senders may replace it; null if the request named a session. */
  poolId: string | null;
  templateId: string;
  locale: Locale;
  /** The text of its messages, with placeholders for the code and the minutes. */
  text: string;
  /** The message id of the latest create or resend, also if nothing was sent. */
  renewedBy: string;
  codeMac: string | null;
  sealedCode: string | null;
  codeLength: number;
  attemptsLeft: number;
  sendsLeft: number;
  nextSendAt: number;
  expiresAt: number;
  approvedAt: number | null;
  approvedBy: "code" | "inbound" | "external" | null;
  /** The latest message with the code; null while an inbound verification waits for the user's message. */
  messageId: string | null;
  /** JSON object. */
  metadata: string;
  /** JSON of `Bind`. */
  bind: string | null;
  /** S256 challenge of the client that created it. */
  clientBinding: string | null;
  /** The caller knows the code (revealed, or its own), so an approval has no proof. */
  hasKnownCode: 0 | 1;
  /** MAC of the token in the user's message. */
  tokenMac: string | null;
  inboundVariant: "match" | "reply" | null;
  /** When the user's message with the token arrived. */
  receivedAt: number | null;
  /** Stages that its messages have reached, as bits: 1 sent, 2 delivered, 4 read. */
  progress: number;
  test: 0 | 1;
  /** The id of the last counted check. It shows after a lost answer whether the check was stored. */
  lastCheck: string | null;
  createdAt: number;
  updatedAt: number;
}

export interface MessageTable {
  id: string;
  type: SealedContent["type"];
  workspaceId: string;
  sessionId: string;
  verificationId: string | null;
  toMasked: string;
  /** The recipient's hash, with a key for each workspace. */
  toHash: string;
  /** The recipient's country (ISO 3166-1 alpha-2) and first seven digits; empty for a code. */
  country: string;
  prefix: string;
  /** The pool whose senders may replace its session; null if only that session may send. */
  poolId: string | null;
  /** JSON object: sessions that could not send it, each with the reason. */
  tried: string;
  template: string | null;
  sealed: string | null;
  status: MessageStatus;
  failure: FailureReason | null;
  claimedBy: string | null;
  claimUntil: number | null;
  claimFence: number;
  attempt: number;
  expiresAt: number;
  /** Made with a test key: it never reaches a connector. */
  test: 0 | 1;
  sentAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
  /** When WhatsApp reported that the recipient has no account. */
  noAccountAt: number | null;
  createdAt: number;
  updatedAt: number;
}

export interface IdempotencyTable {
  workspaceId: string;
  keyHash: string;
  fingerprint: string;
  resourceId: string;
  /** The status of a stored answer of a request that creates nothing. */
  status: number | null;
  response: string | null;
  /** The response holds a revealed code and is sealed. */
  isSealed: 0 | 1;
  createdAt: number;
  /** When the row may be deleted; null: a day after it was created. */
  expiresAt: number | null;
}

export type Db = Database<Tables>;
