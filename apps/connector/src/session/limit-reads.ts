import type { LimitReport } from "../baileys/account-limits.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import { hasClosedNewChats, type AccountLimits } from "./account-limits.ts";

/** Reads the account's limits from WhatsApp: after each login until it answers, and otherwise at most once a minute. */
export interface LimitReads {
  /** The session has logged in. */
  opened(socket: WhatsAppSocket): void;
  /** WhatsApp sent limits, asked or not. */
  received(report: LimitReport): void;
  /** A message was refused as a new chat (463). Resolves with true when the account's limits explain it. */
  refused(): Promise<boolean>;
  /** The account wrote to somebody for the first time. */
  openedChat(): void;
  /** Whether it matters now if a chat is new: new chats are counted or refused, or a refusal is being explained. */
  asksWhoIsNew(): boolean;
  /** Whether new chats are refused. Waits for the explanation of a refusal. */
  refusesNewChats(): Promise<boolean>;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  limits: AccountLimits;
  socket: () => WhatsAppSocket | null;
  onRead: (result: "answered" | "failed") => void;
}

const minuteMs = 60_000;
/** The longest wait before limits are read again after a failure; it doubles from a minute. */
const longestRetryMs = 3_600_000;
/** How long a cap holds when WhatsApp does not say when it ends. */
const unknownCycleMs = 3_600_000;

export function createLimitReads({ services, limits, socket, onRead }: Options): LimitReads {
  let askedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<boolean> | undefined;
  let explaining: Promise<boolean> | undefined;
  let cancelNext: (() => void) | undefined;
  /** How many times in a row WhatsApp did not answer. */
  let failures = 0;

  /** Resolves with true when WhatsApp answered. */
  function read(from: WhatsAppSocket): Promise<boolean> {
    reading ??= from
      .readLimits()
      .then((report) => {
        received(report);
        failures = 0;
        onRead("answered");
        return true;
      })
      .catch(() => {
        // No answer does not mean "no limit": the known limits stay, and WhatsApp is asked again.
        askIn(Math.min(longestRetryMs, minuteMs * 2 ** failures++));
        onRead("failed");
        return false;
      })
      .finally(() => (reading = undefined));
    return reading;
  }

  /** Null when limits were read within the last minute; then they are read again after that minute. */
  function ask(): Promise<boolean> | null {
    if (reading) return reading;
    const online = socket();
    if (!online) return Promise.resolve(false);
    const waitMs = askedAt + minuteMs - services.now().getTime();
    if (waitMs > 0) {
      askIn(waitMs);
      return null;
    }
    askedAt = services.now().getTime();
    return read(online);
  }

  function askIn(ms: number): void {
    cancelNext ??= services.after(ms, () => {
      cancelNext = undefined;
      void ask();
    });
  }

  function received({ lock, newChats }: LimitReport): void {
    // WhatsApp's own clients assume a minute when the length of a lock is not given.
    const at = services.now().getTime();
    const isCapped = newChats && newChats.used >= newChats.total;
    limits.change({
      ...(lock ? { lockedUntil: lock.isActive ? (lock.until ?? new Date(at + minuteMs)) : null } : {}),
      ...(newChats === undefined ? {} : { newChats }),
      ...(isCapped ? { newChats: { ...newChats, resetsAt: newChats.resetsAt ?? new Date(at + unknownCycleMs) } } : {}),
    });
  }

  async function explain(): Promise<boolean> {
    if (hasClosedNewChats(limits.current())) return true;
    const asked = ask();
    if (!asked) return false;
    // Without an explanation there are no new chats for a minute, because the account may be locked.
    if (!(await asked)) received({ lock: { isActive: true, until: null } });
    return hasClosedNewChats(limits.current());
  }

  return {
    opened(online) {
      // A read on an earlier socket does not count.
      void limits.ready.then(() => reading).then(() => read(online));
    },
    received: (report) => void limits.ready.then(() => received(report)),
    refused() {
      explaining ??= explain().finally(() => (explaining = undefined));
      return explaining;
    },
    openedChat() {
      if (limits.current().newChats) void ask();
    },
    asksWhoIsNew() {
      const { newChats, lockedUntil } = limits.current();
      return explaining !== undefined || newChats !== null || lockedUntil !== null;
    },
    async refusesNewChats() {
      await explaining;
      return hasClosedNewChats(limits.current());
    },
    stop() {
      cancelNext?.();
      // An answer after the stop must not set a timer.
      cancelNext = () => undefined;
    },
  };
}
