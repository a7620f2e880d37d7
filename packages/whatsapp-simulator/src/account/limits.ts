/** A number of messages in a sliding window of time. */
interface ColdSends {
  coldSends: number;
  windowMs: number;
}

/**
 * What the server lets an account's companions send. A message is cold while neither side ever wrote to the other; the
 * phone itself writes freely, and what it writes warms the chat up.
 */
export interface AccountLimits {
  /** Until this time (ISO 8601) cold messages are refused with 463: the reach-out time-lock. */
  lockedUntil: string | null;
  /** Locks the account for `lockMs` after this number of cold messages. */
  lockAfter: (ColdSends & { lockMs: number }) | null;
  /** How many new chats the account may open in a cycle; beyond it cold messages are refused with 463. */
  newChats: { total: number; used: number; cycleMs: number; resetsAt: string } | null;
  /** More messages than that in the window are refused with 429. */
  sendRate: { messages: number; windowMs: number } | null;
  /** More cold messages than that, refused ones included, and the account is banned. */
  banAfter: ColdSends | null;
  /** Companions are disconnected with 403, and refused with it at login. */
  isBanned: boolean;
  /** Pushes no notifications when a lock or the cap changes: companions learn of it from refusals and by asking. */
  isQuiet: boolean;
}

/** Fields that are left out do not change; `newChats` begins a cycle. */
export interface LimitsPatch {
  lockedUntil?: string | null | undefined;
  lockAfter?: AccountLimits["lockAfter"] | undefined;
  newChats?: { total: number; cycleMs: number; used?: number | undefined } | null | undefined;
  sendRate?: AccountLimits["sendRate"] | undefined;
  banAfter?: AccountLimits["banAfter"] | undefined;
  isBanned?: boolean | undefined;
  isQuiet?: boolean | undefined;
}
