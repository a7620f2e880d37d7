import type { Logger } from "pino";
import type { LimitReport } from "../baileys/account-limits.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { Services } from "../services.ts";
import type { Fence } from "../store/fence.ts";
import { findPacedStarts } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { type Breaker, createBreaker } from "./breaker.ts";
import type { SessionMetrics } from "./metrics.ts";
import { createLimitReads, type LimitReads } from "./limit-reads.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import { dayMs, longestCount } from "./slots.ts";
import { createAccountLimits, type AccountLimits } from "./account-limits.ts";

/** What delays a session's messages: the account's limits, the pauses after refusals, and the pace. */
export interface Sending {
  readonly limits: AccountLimits;
  readonly reads: LimitReads;
  /** Do not keep a reference to these two: they are replaced when another account is linked. */
  readonly breaker: Breaker;
  readonly pacer: Pacer;
  opened(socket: WhatsAppSocket): void;
  receivedLimits(report: LimitReport): void;
  /** Another account is linked: it starts without pauses, limits and counted messages. */
  forget(): void;
  stop(): void;
}

interface Options {
  services: Services;
  store: Store;
  metrics: SessionMetrics;
  logger: Logger;
  socket: () => WhatsAppSocket | null;
  onAppended(): void;
  unsaved: (error: unknown) => void;
}

export function createSending(fence: Fence, options: Options): Sending {
  const { services, store, metrics, logger, socket } = options;
  const limits = createAccountLimits({
    services,
    store,
    fence,
    logger,
    onAppended: () => options.onAppended(),
    onPaused: (isPaused) => metrics.breakersOpen.inc(isPaused ? 1 : -1),
    unsaved: options.unsaved,
  });
  const reads = createLimitReads({ services, limits, socket, onRead: (result) => metrics.limitReads.inc({ result }) });
  const newBreaker = () => createBreaker(limits, services);
  const newPacer = () =>
    createPacer(services, () => {
      const since = new Date(services.now().getTime() - dayMs);
      return findPacedStarts(store, fence.sessionId, { since, limit: longestCount });
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
    receivedLimits: (report) => reads.received(report),
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
