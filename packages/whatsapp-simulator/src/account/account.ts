import type { AccountLimits, LimitsPatch } from "./limits.ts";

/** Why the server refuses a message. */
export type Refusal = "rate" | "locked" | "capped" | "banned";

/** The server's decision about a message; `changed` if the account's limits are different now. */
export interface Judgement {
  refusal: Refusal | undefined;
  changed: boolean;
}

export interface StoredAccount {
  limits: AccountLimits;
  known: string[];
}

/** The limits that the companions were last notified of. */
export interface ReportedLimits {
  lockedUntil: string | null;
  capping: string;
  isBanned: boolean;
}

const unlimited: AccountLimits = {
  lockedUntil: null,
  lockAfter: null,
  newChats: null,
  sendRate: null,
  banAfter: null,
  isBanned: false,
  isQuiet: false,
};

/** The limits of an account, and the numbers that it has a chat with. Times are milliseconds since the epoch. */
export class Account {
  /** Numbers that wrote to this account or that it wrote to. */
  readonly known: Set<string>;
  reported: ReportedLimits | undefined;
  /** Stops waiting for the end of a lock or of a cycle. */
  unwatch: (() => void) | undefined;
  #limits: AccountLimits;
  #sends: number[] = [];
  #coldSends: number[] = [];

  constructor(stored?: StoredAccount) {
    this.#limits = { ...unlimited, ...stored?.limits };
    this.known = new Set(stored?.known);
  }

  /** The limits at the last call of `limits`. */
  get shown(): AccountLimits {
    return { ...this.#limits };
  }

  /** The limits at that time: an expired lock is none, and an expired cycle starts again. */
  limits(now: number): AccountLimits {
    const limits = this.#limits;
    if (limits.lockedUntil !== null && Date.parse(limits.lockedUntil) <= now) limits.lockedUntil = null;
    const { newChats } = limits;
    if (newChats && Date.parse(newChats.resetsAt) <= now) {
      limits.newChats = { ...newChats, used: 0, resetsAt: iso(now + newChats.cycleMs) };
    }
    return { ...limits };
  }

  change(patch: LimitsPatch, now: number): void {
    const { newChats, ...rest } = patch;
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    this.#limits = { ...this.limits(now), ...given };
    if (newChats === undefined) return;
    this.#limits.newChats = newChats && {
      ...newChats,
      used: newChats.used ?? 0,
      resetsAt: iso(now + newChats.cycleMs),
    };
  }

  /** The time when the lock or the cycle of new chats expires. */
  nextEnd(now: number): number | undefined {
    const { lockedUntil, newChats } = this.limits(now);
    const ends = [lockedUntil, newChats && newChats.used > 0 ? newChats.resetsAt : null];
    const times = ends.flatMap((end) => (end === null ? [] : Date.parse(end)));
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Decides about a companion's message; it is cold without an earlier message in the chat. */
  judge(isCold: boolean, now: number): Judgement {
    const limits = this.limits(now);
    if (isCold) this.#countCold(limits, now);
    if (limits.isBanned) return { refusal: "banned", changed: false };
    if (isCold && limits.banAfter && this.#coldWithin(limits.banAfter, now) > limits.banAfter.coldSends) {
      this.#limits.isBanned = true;
      return { refusal: "banned", changed: true };
    }
    if (limits.sendRate) {
      this.#sends = within(this.#sends, limits.sendRate.windowMs, now);
      if (this.#sends.length >= limits.sendRate.messages) return { refusal: "rate", changed: false };
    }
    if (isCold && limits.lockedUntil !== null) return { refusal: "locked", changed: false };
    if (isCold && limits.newChats && limits.newChats.used >= limits.newChats.total) {
      return { refusal: "capped", changed: false };
    }
    if (limits.sendRate) this.#sends.push(now);
    return { refusal: undefined, changed: isCold && this.#opened(limits, now) };
  }

  /** Refused messages count, too: an account that continues is banned. */
  #countCold({ banAfter, lockAfter }: AccountLimits, now: number): void {
    const windowMs = Math.max(banAfter?.windowMs ?? 0, lockAfter?.windowMs ?? 0);
    this.#coldSends = within(this.#coldSends, windowMs, now);
    if (windowMs > 0) this.#coldSends.push(now);
  }

  #coldWithin({ windowMs }: { windowMs: number }, now: number): number {
    return within(this.#coldSends, windowMs, now).length;
  }

  #opened({ newChats, lockAfter }: AccountLimits, now: number): boolean {
    if (newChats) this.#limits.newChats = { ...newChats, used: newChats.used + 1 };
    const locks = lockAfter !== null && this.#coldWithin(lockAfter, now) >= lockAfter.coldSends;
    if (locks) this.#limits.lockedUntil = iso(now + lockAfter.lockMs);
    return newChats !== null || locks;
  }

  toState(): StoredAccount {
    return { limits: this.#limits, known: [...this.known] };
  }
}

function within(times: number[], windowMs: number, now: number): number[] {
  return times.filter((time) => time > now - windowMs);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
