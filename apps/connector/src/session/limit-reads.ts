import type { LimitNews } from "../baileys/account-limits.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import { hasClosedNewChats, type LimitsKeeper } from "./account-limits.ts";

/** Asks WhatsApp what the account may do: after each login, until it answers, and at most once a minute besides. */
export interface LimitReads {
  /** A login. */
  opened(socket: WhatsAppSocket): void;
  /** What WhatsApp told, asked or not. */
  learned(news: LimitNews): void;
  /** A message was refused as a new chat (463). Resolves with whether the account's limits explain it. */
  refused(): Promise<boolean>;
  /** Somebody was written to for the first time. */
  openedChat(): void;
  /** Whether it matters just now who is new: new chats are counted, refused, or it is being asked why one was. */
  asksWhoIsNew(): boolean;
  /** Whether messages to new people are refused; waits for the answer why one was. */
  refusesNewChats(): Promise<boolean>;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  limits: LimitsKeeper;
  socket: () => WhatsAppSocket | null;
  onRead: (result: "answered" | "failed") => void;
}

const minuteMs = 60_000;
/** The longest wait until a question without an answer is asked again; it doubles from a minute. */
const longestRetryMs = 3_600_000;
/** How long a cap holds of which WhatsApp does not say when it ends. */
const unknownCycleMs = 3_600_000;

export function createLimitReads({ services, limits, socket, onRead }: Options): LimitReads {
  let askedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<boolean> | undefined;
  let explaining: Promise<boolean> | undefined;
  let cancelNext: (() => void) | undefined;
  /** How often in a row WhatsApp did not answer. */
  let failures = 0;

  /** Resolves with whether WhatsApp answered. */
  function read(from: WhatsAppSocket): Promise<boolean> {
    reading ??= from
      .readLimits()
      .then((news) => {
        learned(news);
        failures = 0;
        onRead("answered");
        return true;
      })
      .catch(() => {
        // No answer is not "no limit": the known limits stay, and WhatsApp is asked again.
        askIn(Math.min(longestRetryMs, minuteMs * 2 ** failures++));
        onRead("failed");
        return false;
      })
      .finally(() => (reading = undefined));
    return reading;
  }

  /** Null when it was asked within the last minute; then it is asked again when that is over. */
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

  function learned({ lock, newChats }: LimitNews): void {
    // WhatsApp's own clients count on a minute when they are not told for how long a lock is.
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
    // Nobody says why: better no new chats for a minute than knocking on a locked account.
    if (!(await asked)) learned({ lock: { isActive: true, until: null } });
    return hasClosedNewChats(limits.current());
  }

  return {
    opened(online) {
      // What a dead socket was asked is no answer.
      void limits.ready.then(() => reading).then(() => read(online));
    },
    learned: (news) => void limits.ready.then(() => learned(news)),
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
      // An answer that comes after the stop sets no timer.
      cancelNext = () => undefined;
    },
  };
}
