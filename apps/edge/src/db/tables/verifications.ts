import type { Locale, VerificationStatus } from "@sandi/contracts";

export interface VerificationTable {
  id: string;
  workspaceId: string;
  toHash: string;
  /** The number as `storedMask` writes it. */
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

export interface DestinationSendTable {
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

export interface PrefixGuardTable {
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

/** Written by triggers (life-triggers.ts). Cron moves the rows to `conversion_prefix`, `conversion_day` and others. */
export interface ConversionTable {
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
