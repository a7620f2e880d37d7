import type { SenderLimits } from "@sandi/contracts";
import type { Logger } from "pino";
import { type Services, sleep } from "../services.ts";
import { findLimits, type Limits, limitsStatement } from "../store/account-limits.ts";
import { appendStatement } from "../store/outbox.ts";
import { type Fence, LeaseLost, writeFenced } from "../store/fence.ts";
import type { Store } from "../store/store.ts";

/** What a session's account may do: kept with the session, and told to the edge whenever it changes. */
export interface LimitsKeeper {
  /** Resolves when what an earlier owner knew is known here. */
  readonly ready: Promise<void>;
  /** As they are now: what has ended by the clock is not in them. */
  current(): Limits;
  change(patch: Partial<Limits>): void;
  /** Another account is linked; the rows of the one before are gone. */
  forget(): void;
  stop(): void;
}

interface Options {
  services: Pick<Services, "now" | "newId" | "after">;
  store: Store;
  fence: Fence;
  logger: Logger;
  onNews: () => void;
  onPaused: (isPaused: boolean) => void;
  unsaved: (error: unknown) => void;
}

export const unlimited: Limits = { lockedUntil: null, newChats: null, pausedUntil: null, trips: 0 };
const retryMs = 5000;
const longestTimerMs = 86_400_000;

export function createLimits({ services, store, fence, logger, onNews, onPaused, unsaved }: Options): LimitsKeeper {
  const { sessionId } = fence;
  let limits = unlimited;
  /** What the edge and the row have; undefined: nothing yet. */
  let told: string | undefined;
  let kept: string | undefined;
  let shown = unlimited;
  let keeping: Promise<void> | undefined;
  let isStopped = false;
  let cancelEnd: (() => void) | undefined;
  let cancelRetry: (() => void) | undefined;

  /** Until it succeeds: an account that is locked or paused must not pass for one that is not. */
  async function load(): Promise<void> {
    const row = await findLimits(store, sessionId).catch(async (error: unknown) => {
      logger.warn({ error }, "the account's limits could not be read; its messages wait");
      await sleep(services, retryMs);
      return "unread" as const;
    });
    if (isStopped || !row) return;
    if (row === "unread") return load();
    limits = row;
    show(row);
    kept = JSON.stringify(row);
    told = JSON.stringify(toldOf(row));
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

  /** Says what began or ended, stores it, and waits for what ends next. */
  function settle(): void {
    if (isStopped) return;
    limits = current();
    for (const name of ["lockedUntil", "pausedUntil"] as const) sayChange(name, shown[name], limits[name]);
    sayChange("newChats", exhausted(shown), exhausted(limits));
    show(limits);
    cancelEnd?.();
    const ends = [limits.lockedUntil, limits.pausedUntil, limits.newChats?.resetsAt].flatMap((end) => end ?? []);
    if (ends.length > 0) {
      const untilNext = Math.min(...ends.map((end) => end.getTime())) - services.now().getTime();
      cancelEnd = services.after(Math.max(0, Math.min(untilNext, longestTimerMs)), settle);
    }
    if (JSON.stringify(limits) !== kept) keeping ??= keep();
  }

  function show(next: Limits): void {
    const wasPaused = shown.pausedUntil !== null;
    shown = next;
    if (wasPaused !== (next.pausedUntil !== null)) onPaused(!wasPaused);
  }

  function sayChange(limit: string, before: Date | null, after: Date | null): void {
    if (before?.getTime() === after?.getTime()) return;
    if (after) logger.warn({ limit, until: after }, before ? "a limit of the account lasts longer" : "a limit begins");
    else logger.info({ limit }, "a limit of the account has ended");
  }

  async function keep(): Promise<void> {
    try {
      // Changes of one turn of the event loop are one.
      await Promise.resolve();
      for (let next = limits; JSON.stringify(next) !== kept; next = limits) await write(next);
    } catch (error) {
      unsaved(error);
      if (!(error instanceof LeaseLost) && !isStopped) cancelRetry = services.after(retryMs, settle);
    } finally {
      keeping = undefined;
    }
  }

  async function write(next: Limits): Promise<void> {
    const news = toldOf(next);
    const isNews = JSON.stringify(news) !== told;
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const event = { id, at, type: "session.limits", sessionId, ...news } as const;
    await writeFenced(store, fence, [limitsStatement(fence, next), ...(isNews ? [appendStatement(fence, event)] : [])]);
    kept = JSON.stringify(next);
    told = JSON.stringify(news);
    if (isNews) onNews();
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
      show(unlimited);
      [kept, told] = [undefined, undefined];
      cancelEnd?.();
    },
    stop() {
      isStopped = true;
      show(unlimited);
      cancelEnd?.();
      cancelRetry?.();
    },
  };
}

/** Whether WhatsApp takes messages to people with whom the account has a chat only. */
export function hasClosedNewChats(limits: Limits): boolean {
  return limits.lockedUntil !== null || exhausted(limits) !== null;
}

/** When the account may open new chats again, having used up its cycle's; a cycle whose end is not known is none. */
function exhausted({ newChats }: Limits): Date | null {
  return newChats && newChats.used >= newChats.total ? newChats.resetsAt : null;
}

function toldOf({ lockedUntil, newChats, pausedUntil }: Limits): SenderLimits {
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
