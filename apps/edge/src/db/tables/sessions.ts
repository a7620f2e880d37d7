import type {
  DesiredState,
  FailureReason,
  MediaDownload,
  Pacing,
  PoolFallback,
  PoolStrategy,
  SessionReason,
  SessionState,
} from "@sandi/contracts";
import type { Generated } from "kysely";

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
  /** Which files of received messages it fetches; null: all. */
  mediaDownload: MediaDownload | null;
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

/** Counts of a session's outcomes in slots of ten minutes. */
export interface SessionFigureTable {
  workspaceId: string;
  sessionId: string;
  outcome: FailureReason | "sent" | "delivered" | "heard";
  slot: number;
  count: number;
  lastAt: number;
}

/** A request to WhatsApp for a pairing code, which shows a prompt on the phone of the number's owner. */
export interface PairingRequestTable {
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

/** A recipient that has a chat with a session. */
export interface WarmContactTable {
  workspaceId: string;
  toHash: string;
  sessionId: string;
  lastAt: number;
  /** When the recipient last wrote to the session. */
  wroteAt: number | null;
  /** When the session last reached the recipient. */
  reachedAt: number | null;
}
