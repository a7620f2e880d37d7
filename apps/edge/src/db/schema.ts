import type { DesiredState, FailureReason, MessageStatus, Scope, SessionReason, SessionState } from "@sandi/contracts";
import type { VerificationStatus } from "@sandi/contracts";
import type { Database } from "@sandi/libsql";

/** Columns as the code sees them; times are milliseconds, JSON is text. */
export interface Tables {
  workspace: { id: string; name: string; createdAt: number };
  user: { id: string; workspaceId: string; email: string; passwordHash: string; role: "admin"; createdAt: number };
  apiKey: ApiKeyTable;
  session: SessionTable;
  verification: VerificationTable;
  destinationBudget: { workspaceId: string; toHash: string; consecutive: number; lockedUntil: number };
  message: MessageTable;
  idempotency: IdempotencyTable;
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
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
  createdAt: number;
}

export interface SessionTable {
  id: string;
  workspaceId: string;
  name: string;
  state: SessionState;
  reason: SessionReason | null;
  phone: string | null;
  /** The newest `session.state` event applied. */
  stateSeq: number;
  desired: DesiredState;
  revision: number;
  /** The newest revision that a connector has acted on. */
  ackedRevision: number;
  publishAfter: number;
  publishCount: number;
  createdAt: number;
  updatedAt: number;
}

export interface VerificationTable {
  id: string;
  workspaceId: string;
  toHash: string;
  toMasked: string;
  purpose: string;
  status: VerificationStatus;
  mode: "push";
  codeMac: string | null;
  sealedCode: string | null;
  attemptsLeft: number;
  sendsLeft: number;
  nextSendAt: number;
  expiresAt: number;
  approvedAt: number | null;
  /** The latest message with the code. */
  messageId: string;
  /** JSON object. */
  metadata: string;
  test: 0 | 1;
  /** The request that was counted last, so that a check whose answer was lost can be told. */
  lastCheck: string | null;
  /** Checks that were answered with 503: however late they come, they do not count. */
  voidChecks: string;
  createdAt: number;
  updatedAt: number;
}

export interface MessageTable {
  id: string;
  workspaceId: string;
  sessionId: string;
  verificationId: string | null;
  toMasked: string;
  template: string | null;
  sealed: string | null;
  status: MessageStatus;
  failure: FailureReason | null;
  claimedBy: string | null;
  claimUntil: number | null;
  claimFence: number;
  attempt: number;
  publishAfter: number;
  publishCount: number;
  expiresAt: number;
  sentAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
  createdAt: number;
  updatedAt: number;
}

export interface IdempotencyTable {
  workspaceId: string;
  keyHash: string;
  fingerprint: string;
  resourceId: string;
  response: string | null;
  createdAt: number;
}

export type Db = Database<Tables>;

/** An API key as a request carries it along. */
export interface KnownKey {
  id: string;
  workspaceId: string;
  workspaceName: string;
  environment: "live" | "test";
  scopes: ReadonlySet<Scope>;
  expiresAt: number | null;
  lastUsedAt: number | null;
}
