import type { SenderLimits } from "@sandi/contracts";
import type { Logger } from "pino";
import { type Services, sleep } from "../services.ts";
import { findLimits, type Limits, limitsStatement } from "../store/account-limits.ts";
import { appendStatement } from "../store/outbox.ts";
import { type Fence, LeaseLost, writeFenced } from "../store/fence.ts";
import type { Store } from "../store/store.ts";

/** What a session's account may do. It is stored with the session, and reported to the edge when it changes. */
export interface AccountLimits {
  /** Resolves when the stored limits are read. */
  readonly ready: Promise<void>;
  /** The limits now, without those that have ended. */
  current(): Limits;
  change(patch: Partial<Limits>): void;
  /** Clears the memory after another account was linked: the rows are deleted. */
  forget(): void;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "newId" | "after">;
  store: Store;
  fence: Fence;
  logger: Logger;
  onAppended: () => void;
  onPaused: (isPaused: boolean) => void;
  unsaved: (error: unknown) => void;
}

export const unlimited: Limits = { lockedUntil: null, newChats: null, pausedUntil: null, trips: 0 };
const retryMs = 5000;
const longestTimerMs = 86_400_000;

export function createAccountLimits({
  services,
  store,
  fence,
  logger,
  onAppended,
  onPaused,
  unsaved,
}: Options): AccountLimits {
  const { sessionId } = fence;
  let limits = unlimited;
  /** What was reported to the edge, and what the row holds; undefined: nothing yet. */
  let reported: string | undefined;
  let stored: string | undefined;
  let announced = unlimited;
  let storing: Promise<void> | undefined;
  let isStopped = false;
  let cancelEnd: (() => void) | undefined;
  let cancelRetry: (() => void) | undefined;

  /** Tries until it succeeds: without the row, a locked or paused account would look like one that may send. */
  async function load(): Promise<void> {
    const row = await findLimits(store, sessionId).catch(async (error: unknown) => {
      logger.warn({ error }, "the account's limits could not be read; its messages wait");
      await sleep(services, retryMs);
      return "unread" as const;
    });
    if (isStopped || !row) return;
    if (row === "unread") return load();
    limits = row;
    announce(row);
    stored = JSON.stringify(row);
    reported = JSON.stringify(reportOf(row));
    settle();
  }

  function current(): Limits {
    const now = services.now();
    const { newChats, lockedUntil, pausedUntil, trips } = limits;
    const isNewCycle = newChats?.resetsAt && newChats.resetsAt <= now;
    return {
      lockedUntil: later(lockedUntil, now),
      newChats: isNewCycle ? { ...newChats, used: 0, resetsAt: null } : newChats,
      pausedUntil: later(pausedUntil, now),
      trips,
    };
  }

  /** Logs what began or ended, stores the limits, and waits for the next end. */
  function settle(): void {
    if (isStopped) return;
    limits = current();
    for (const name of ["lockedUntil", "pausedUntil"] as const) logChange(name, announced[name], limits[name]);
    logChange("newChats", exhausted(announced), exhausted(limits));
    announce(limits);
    cancelEnd?.();
    const ends = [limits.lockedUntil, limits.pausedUntil, limits.newChats?.resetsAt].flatMap((end) => end ?? []);
    if (ends.length > 0) {
      const untilNext = Math.min(...ends.map((end) => end.getTime())) - services.now().getTime();
      cancelEnd = services.after(Math.max(0, Math.min(untilNext, longestTimerMs)), settle);
    }
    if (JSON.stringify(limits) !== stored) storing ??= storeAll();
  }

  function announce(next: Limits): void {
    const wasPaused = announced.pausedUntil !== null;
    announced = next;
    if (wasPaused !== (next.pausedUntil !== null)) onPaused(!wasPaused);
  }

  function logChange(limit: string, before: Date | null, after: Date | null): void {
    if (before?.getTime() === after?.getTime()) return;
    if (after)
      logger.warn(
        { limit, until: after },
        before ? "a limit of the account lasts longer" : "a limit of the account begins",
      );
    else logger.info({ limit }, "a limit of the account has ended");
  }

  async function storeAll(): Promise<void> {
    try {
      // Changes in one turn of the event loop are stored together.
      await Promise.resolve();
      for (let next = limits; JSON.stringify(next) !== stored; next = limits) await write(next);
    } catch (error) {
      unsaved(error);
      if (!(error instanceof LeaseLost) && !isStopped) cancelRetry = services.after(retryMs, settle);
    } finally {
      storing = undefined;
    }
  }

  async function write(next: Limits): Promise<void> {
    const report = reportOf(next);
    const isChanged = JSON.stringify(report) !== reported;
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const event = { id, at, type: "session.limits", sessionId, ...report } as const;
    await writeFenced(store, fence, [
      limitsStatement(fence, next),
      ...(isChanged ? [appendStatement(fence, event)] : []),
    ]);
    stored = JSON.stringify(next);
    reported = JSON.stringify(report);
    if (isChanged) onAppended();
  }

  return {
    ready: load(),
    current,
    change(patch) {
      limits = { ...limits, ...patch };
      settle();
    },
    forget() {
      limits = unlimited;
      announce(unlimited);
      [stored, reported] = [undefined, undefined];
      cancelEnd?.();
    },
    stop() {
      isStopped = true;
      announce(unlimited);
      cancelEnd?.();
      cancelRetry?.();
    },
  };
}

/** Whether WhatsApp accepts only messages to people with whom the account has a chat. */
export function hasClosedNewChats(limits: Limits): boolean {
  return limits.lockedUntil !== null || exhausted(limits) !== null;
}

/** When an account that has used up its new chats may open more; null without a cap or when the end is unknown. */
function exhausted({ newChats }: Limits): Date | null {
  return newChats && newChats.used >= newChats.total ? newChats.resetsAt : null;
}

function reportOf({ lockedUntil, newChats, pausedUntil }: Limits): SenderLimits {
  return {
    newChatsLockedUntil: iso(lockedUntil),
    newChats: newChats && { ...newChats, resetsAt: iso(newChats.resetsAt) },
    pausedUntil: iso(pausedUntil),
  };
}

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

function later(date: Date | null, now: Date): Date | null {
  return date && date > now ? date : null;
}
