import type { Logger } from "pino";
import type { LimitNews } from "../baileys/account-limits.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import type { Fence } from "../store/fence.ts";
import { findBulkStarts } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { type Breaker, createBreaker } from "./breaker.ts";
import type { SessionMetrics } from "./metrics.ts";
import { createLimitReads, type LimitReads } from "./limit-reads.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import { dayMs, longestCount } from "./slots.ts";
import { createLimits, type LimitsKeeper } from "./account-limits.ts";

/** What holds a session's messages back: its account's limits, the pauses that refusals call for, its pace. */
export interface Sending {
  readonly limits: LimitsKeeper;
  readonly reads: LimitReads;
  /** Read these two each time and keep no reference: they are replaced when another account is linked. */
  readonly breaker: Breaker;
  readonly pacer: Pacer;
  opened(socket: WhatsAppSocket): void;
  learned(news: LimitNews): void;
  /** Another account is linked: it starts without pauses, limits and bulk messages counted today. */
  forget(): void;
  stop(): void;
}

interface Options {
  services: Services;
  store: Store;
  metrics: SessionMetrics;
  logger: Logger;
  socket: () => WhatsAppSocket | null;
  onNews(): void;
  unsaved: (error: unknown) => void;
}

export function createSending(fence: Fence, options: Options): Sending {
  const { services, store, metrics, logger, socket } = options;
  const limits = createLimits({
    services,
    store,
    fence,
    logger,
    onNews: () => options.onNews(),
    onPaused: (isPaused) => metrics.breakersOpen.inc(isPaused ? 1 : -1),
    unsaved: options.unsaved,
  });
  const reads = createLimitReads({ services, limits, socket, onRead: (result) => metrics.limitReads.inc({ result }) });
  const newBreaker = () => createBreaker(limits, services);
  const newPacer = () =>
    createPacer(services, () => {
      const since = new Date(services.now().getTime() - dayMs);
      return findBulkStarts(store, fence.sessionId, { since, limit: longestCount });
    });
  let [breaker, pacer] = [newBreaker(), newPacer()];
  return {
    limits,
    reads,
    get breaker() {
      return breaker;
    },
    get pacer() {
      return pacer;
    },
    opened: (online) => reads.opened(online),
    learned: (news) => reads.learned(news),
    forget() {
      limits.forget();
      [breaker, pacer] = [newBreaker(), newPacer()];
    },
    stop() {
      reads.stop();
      limits.stop();
    },
  };
}
