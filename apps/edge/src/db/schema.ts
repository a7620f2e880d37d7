import type {
  AlertError,
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

/** Columns as the code sees them; times are milliseconds, JSON is text. */
export interface Tables {
  /** `policy` and `quota` are JSON of `Policy` and `Quota`: what the workspace chose, and what the operator grants. */
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
  alertChannel: AlertChannelTable;
  incident: IncidentTable;
  alertDelivery: AlertDeliveryTable;
  job: JobTable;
  pairingRequest: PairingRequestTable;
}

/** A pairing code that WhatsApp was asked for: a prompt on the phone of the number's owner. */
interface PairingRequestTable {
  id: Generated<number>;
  workspaceId: string;
  sessionId: string;
  /** The number's hash across all workspaces. */
  numberHash: string;
  /** Hash of the spelling that was asked for. */
  writtenHash: string;
  /** The session's revision at that time; a later revision makes the code invalid. */
  revision: number;
  createdAt: number;
}

export interface AlertChannelTable {
  id: string;
  workspaceId: string;
  kind: "telegram" | "slack" | "webhook";
  name: string;
  /** Sealed. */
  target: string;
  /** What is shown of the target. */
  label: string;
  afterSeconds: number;
  /** JSON array of `IncidentKind`. */
  quiet: string;
  failuresInRow: number;
  pausedAt: number | null;
  pausedBecause: "requested" | "failures" | "key_ended" | null;
  /** The API key that it belongs to; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}

/** Opened and closed by triggers (incidents.ts), and by the clock. */
export interface IncidentTable {
  id: string;
  workspaceId: string;
  /** A session's id, or a channel's. */
  subject: string;
  kind: IncidentKind;
  reason: string | null;
  openedAt: number;
  /** When it last began. */
  since: number;
  closedAt: number | null;
  ending: "recovered" | "superseded" | "withdrawn" | null;
  /** When it ends by itself. */
  until: number | null;
  times: number;
  changedAt: number;
}

export interface AlertDeliveryTable {
  id: string;
  workspaceId: string;
  channelId: string;
  /** Null for a test and for a digest. */
  incidentId: string | null;
  what: "opened" | "again" | "closed" | "test";
  /** How often its incident had begun; of a digest, how many incidents it tells of. */
  times: number;
  /** JSON of the incident as it was when this was to be told. */
  content: string;
  /** `folded`: told by the digest. */
  status: "queued" | "delivered" | "failed" | "folded";
  /** The delivery that brings many incidents, this one among them. */
  digestId: string | null;
  attempts: number;
  lastStatus: number | null;
  error: AlertError | null;
  claimUntil: number;
  deliveredAt: number | null;
  createdAt: number;
}

/** A call that QStash is to make about a row of another table, until that row does not need it (jobs/). */
interface JobTable {
  kind: string;
  subjectId: string;
  workspaceId: string;
  /** The cron publishes it from then on. */
  publishAfter: number;
  publishCount: number;
  /** Null: never. */
  expiresAt: number | null;
  /** The request that it follows from, as a W3C `traceparent`. */
  traceparent: string | null;
}

export interface DestinationBudgetTable {
  workspaceId: string;
  toHash: string;
  /** Wrong codes since the last right one. */
  consecutive: number;
  lockedUntil: number;
  /** Wrong codes since `failuresFrom`, within an hour. */
  failures: number;
  failuresFrom: number;
  /** Locks since the last right code: each lasts twice as long. */
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
  /** Blocks in a row: each lasts twice as long. */
  strikes: number;
  /** What led to the block. */
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
  /** How it was written; a number masked. */
  label: string;
  note: string | null;
  expiresAt: number | null;
  createdAt: number;
}

export interface TemplateTable {
  id: string;
  workspaceId: string;
  name: string;
  /** What it is the default for. */
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
  /** Sealed; so is the one before it, which is taken until `previousUntil`. */
  secret: string;
  previousSecret: string | null;
  previousUntil: number | null;
  /** The API key that it acts for and ends with; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}

/** What a session has sent, delivered, heard or failed at within ten minutes (session-figures.ts). */
interface SessionFigureTable {
  workspaceId: string;
  sessionId: string;
  outcome: FailureReason | "sent" | "delivered" | "heard";
  slot: number;
  count: number;
  lastAt: number;
}

/** Written by triggers (history.ts). */
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

/** Written by triggers (history.ts, checked-elsewhere.ts). */
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
  /** A test key made the entry, or the entry is about one. */
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
  /** The key that a rotation made in its place. */
  replacedBy: string | null;
  createdAt: number;
}

export interface PoolTable {
  /** The default one has the workspace's id behind its prefix. */
  id: string;
  workspaceId: string;
  name: string;
  strategy: PoolStrategy;
  pacing: Pacing;
  fallback: PoolFallback;
  /** Strangers that each session may write to in a day; -1: by the session's age. */
  newChatsPerDay: number | null;
  /** Messages so far, where each sender has its turn. */
  turn: number;
  createdAt: number;
  updatedAt: number;
}

/** Who has a chat with a session. */
interface WarmContactTable {
  workspaceId: string;
  toHash: string;
  sessionId: string;
  lastAt: number;
  /** They last wrote to the session. */
  wroteAt: number | null;
  /** The session last reached them. */
  reachedAt: number | null;
}

export interface SessionTable {
  id: string;
  workspaceId: string;
  name: string;
  state: SessionState;
  reason: SessionReason | null;
  phone: string | null;
  /** The account that is linked, or was linked last: in E.164, as lists show it, and since when it is this session's. */
  account: string | null;
  accountMasked: string | null;
  /** 0: never. */
  linkedAt: number;
  /** The newest `session.state` event applied. */
  stateSeq: number;
  desired: DesiredState;
  revision: number;
  /** The newest revision that a connector has acted on. */
  ackedRevision: number;
  /** When it came into its state; null: when it was created. */
  since: number | null;
  /** Connections lost since it was last online for a while, and when the next one is opened. */
  attempts: number;
  nextAttemptAt: number | null;
  /** The newest `session.limits` event applied, and when it was told; null until then. */
  limitsSeq: number;
  limitsAt: number | null;
  newChatsLockedUntil: number | null;
  newChatsTotal: number | null;
  newChatsUsed: number | null;
  newChatsResetAt: number | null;
  pausedUntil: number | null;
  /** JSON of scheme, host and port. */
  proxy: string | null;
  /** Sealed to the connector: with credentials. */
  proxySealed: string | null;
  proxySeq: number;
  proxyHealthy: 0 | 1 | null;
  proxyAt: number | null;
  createdAt: number;
  updatedAt: number;
  poolId: string;
  /** Its messages that are queued or sending; kept by triggers (senders.ts), as all below. */
  waiting: number;
  /** People written to for the first time in the 24 hours since `newChatsFrom`. */
  newChats: number;
  newChatsFrom: number;
  /** The turn of the pool in which it was last chosen. */
  turn: number;
  /** Start of the half hour that `sends` and `failures` count; `earlier…` is the one before. */
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
  /** The session that was chosen to send, or to be written to. */
  sessionId: string;
  /** The pool whose senders may stand in for it; null when a session was asked for. */
  poolId: string | null;
  templateId: string;
  locale: Locale;
  /** The text of its messages, with places for the code and the minutes. */
  text: string;
  /** The id of the message that the latest create or resend had at hand, whether there was anything to send or not. */
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
  /** The latest message with the code; null while an inbound one waits for the user's. */
  messageId: string | null;
  /** JSON object. */
  metadata: string;
  /** JSON of what the code is bound to. */
  bind: string | null;
  /** S256 challenge of the client that started it. */
  clientBinding: string | null;
  /** The caller knows the code (revealed, or its own): there is no proof. */
  hasKnownCode: 0 | 1;
  /** MAC of the token that the user is to send. */
  tokenMac: string | null;
  inboundVariant: "match" | "reply" | null;
  /** The user's message with the token came. */
  receivedAt: number | null;
  /** What its messages have been, as bits: 1 sent, 2 delivered, 4 read. */
  progress: number;
  test: 0 | 1;
  /** The request that was counted last, so that a check whose answer was lost can be told. */
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
  /** The recipient, keyed by the workspace. */
  toHash: string;
  /** Of a text: the recipient's country (ISO 3166-1 alpha-2) and first seven digits, as in a verification. */
  country: string;
  prefix: string;
  /** The pool whose senders may stand in for its session; null when it is that session or none. */
  poolId: string | null;
  /** JSON object: sessions that were to send it and could not, and why. */
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
  /** When WhatsApp said that the recipient has no account; null where it did not. */
  noAccountAt: number | null;
  createdAt: number;
  updatedAt: number;
}

export interface IdempotencyTable {
  workspaceId: string;
  keyHash: string;
  fingerprint: string;
  resourceId: string;
  /** Of a kept answer that creates nothing. */
  status: number | null;
  response: string | null;
  /** The response holds a revealed code and is sealed. */
  isSealed: 0 | 1;
  createdAt: number;
  /** The row is deleted from then on; null: a day after it was created. */
  expiresAt: number | null;
}

export type Db = Database<Tables>;
