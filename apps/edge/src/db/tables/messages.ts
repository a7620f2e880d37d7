import type { FailureReason, MessageLane, MessageStatus } from "@sandi/contracts";
import type { Generated } from "kysely";

export interface MessageTable {
  id: string;
  /** Of a received message also a type that only connectors know. */
  type: string;
  workspaceId: string;
  sessionId: string;
  verificationId: string | null;
  /** The number as `storedMask` writes it. */
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
  /** Null for codes, and for messages that were stored before there were two lanes. */
  lane: MessageLane | null;
  /** The customer's JSON object; null: none. */
  metadata: string | null;
  /** How long it may wait, in milliseconds; null for codes. */
  lifetimeMs: number | null;
  /** When it was to be sent; null: at once. */
  sendAt: number | null;
  /** While it is scheduled: when cron looks at it. */
  dueAt: number | null;
  /** When it was queued after it was scheduled, or again; null: when it was created. */
  queuedAt: number | null;
  playedAt: number | null;
  batchId: string | null;
  /** Null: outbound. */
  direction: "inbound" | null;
  /** Where the account's owner wrote it; null: through the API, or somebody else. */
  origin: "phone" | "device" | null;
  /** Null for codes, and for messages of the API until they are sent. */
  chatId: string | null;
  /** Who wrote it; null: the account. */
  personId: string | null;
  /** The author's number as `storedMask` writes it; null when it is unknown. */
  fromMasked: string | null;
  editedAt: number | null;
  isForwarded: 0 | 1 | null;
  isViewOnce: 0 | 1 | null;
  isOffline: 0 | 1 | null;
  /** When the account deleted it for itself alone. */
  deletedAt: number | null;
  /** The hash of the other person's number, in messages of people and of the account's phone; null when it is unknown. */
  personHash: string | null;
}

/** A former id of a chat that proved to be another one, too. */
export interface ChatAliasTable {
  id: string;
  workspaceId: string;
  sessionId: string;
  chatId: string;
  createdAt: number;
}

/** A chat of a live session, or a person who is known from a group only. */
export interface ChatTable {
  id: string;
  workspaceId: string;
  sessionId: string;
  /** The hash of its number; null when the number is unknown, and for groups until they are named by their jid. */
  toHash: string | null;
  /** JSON array: see `former-hashes.ts`. */
  formerHashes: string;
  /** Of the number, as in `message`; empty when it is unknown. */
  country: string;
  prefix: string;
  /** Somebody wrote in it. */
  isOpen: 0 | 1;
  /** When somebody last wrote there, to about a month. */
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
  /** Of the sandbox. */
  test: 0 | 1;
}

/** What somebody wrote or did, as an event reports it. */
export interface EventContentTable {
  eventId: string;
  workspaceId: string;
  messageId: string;
  /** JSON, sealed with the workspace's key. */
  sealed: string;
  expiresAt: number;
  sessionId: string;
  /** Who wrote it; null: the account itself. */
  personId: string | null;
  storedAt: number;
}

/** A call of QStash about a row of another table. It is deleted when that row no longer needs it (jobs/). */
export interface JobTable {
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
