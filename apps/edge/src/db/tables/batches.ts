import type { BatchStatus, ErrorCode } from "@sandi/contracts";

export interface BatchTable {
  id: string;
  workspaceId: string;
  test: 0 | 1;
  name: string | null;
  status: BatchStatus;
  /** The sender that the request named. */
  sessionId: string | null;
  poolId: string | null;
  /** The message of all recipients, sealed with the workspace's key; null: each recipient has its own. */
  sealedMessage: string | null;
  /** The lifetime of each message, in milliseconds. */
  lifetimeMs: number;
  recipients: number;
  duplicates: number;
  /** When it begins; null: at once. */
  sendAt: number | null;
  /** When it needs work next; null: it needs none. */
  dueAt: number | null;
  /** The API key that created it. */
  createdBy: string;
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
}

/** A file that a batch needs until it has ended. */
export interface BatchMediaTable {
  batchId: string;
  mediaId: string;
}

/** One recipient of a batch. */
export interface BatchItemTable {
  batchId: string;
  position: number;
  workspaceId: string;
  toHash: string;
  toMasked: string;
  /** Number, content or variables, and metadata, sealed with the workspace's key; null: the recipient does not wait. */
  sealed: string | null;
  /** `expanded`: it has a message. */
  state: "waiting" | "expanded" | "failed" | "canceled";
  /** Why no message was made, so far or at all. */
  code: ErrorCode | null;
  messageId: string | null;
  /** While it waits: when it is tried again. */
  dueAt: number;
}
