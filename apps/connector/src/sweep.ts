import type { Logger } from "pino";
import type { Services } from "./services.ts";
import { sweepLedger } from "./store/ledger.ts";
import { sweepOutbox } from "./store/outbox.ts";
import type { Store } from "./store/store.ts";
import type { Versions } from "./versions.ts";

/** What is done every minute: the client version is kept fresh, what is old forgotten, what was parked tried again. */
export interface Sweep {
  start(): void;
  /** Resolves when none is under way. */
  stop(): Promise<void>;
}

interface Options {
  services: Pick<Services, "now" | "after">;
  store: Store;
  versions: Pick<Versions, "keep">;
  ledgerDays: number;
  /** Parked events go again. */
  onNews: () => void;
  logger: Logger;
}

const everyMs = 60_000;
const parkedMs = 3_600_000;
const dayMs = 86_400_000;

export function createSweep({ services, store, versions, ledgerDays, onNews, logger }: Options): Sweep {
  let isStopped = false;
  let cancel: (() => void) | undefined;
  let sweeping: Promise<void> = Promise.resolve();

  /** Once an hour for events of the last day; at each start for all that are kept. */
  async function unpark(isStart: boolean): Promise<void> {
    const at = services.now().getTime();
    const forgetBefore = new Date(at - ledgerDays * dayMs);
    const parkedUntil = new Date(isStart ? at : at - parkedMs);
    const learnedSince = isStart ? forgetBefore : new Date(at - dayMs);
    if (await sweepOutbox(store, { parkedUntil, learnedSince, forgetBefore })) onNews();
  }

  /** One part that fails does not keep the others from being done. */
  async function sweep(isStart: boolean): Promise<void> {
    const parts = {
      versions: () => versions.keep(),
      ledger: () => sweepLedger(store, services.now(), ledgerDays),
      outbox: () => unpark(isStart),
    };
    for (const [part, run] of Object.entries(parts)) {
      if (isStopped) return;
      try {
        await run();
      } catch (error) {
        logger.warn({ part, error }, "not swept");
      }
    }
    if (isStopped) return;
    cancel = services.after(everyMs, () => {
      sweeping = sweep(false);
    });
  }

  return {
    start() {
      // A new start may come with a mended edge.
      sweeping = sweep(true);
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await sweeping;
    },
  };
}
