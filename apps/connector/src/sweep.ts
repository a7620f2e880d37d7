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

  async function unpark(parkedForMs: number): Promise<void> {
    const at = services.now().getTime();
    const forgetBefore = new Date(at - ledgerDays * dayMs);
    if (await sweepOutbox(store, { parkedUntil: new Date(at - parkedForMs), forgetBefore })) onNews();
  }

  /** One part that fails does not keep the others from being done. */
  async function sweep(parkedForMs: number): Promise<void> {
    const parts = {
      versions: () => versions.keep(),
      ledger: () => sweepLedger(store, services.now(), ledgerDays),
      outbox: () => unpark(parkedForMs),
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
      sweeping = sweep(parkedMs);
    });
  }

  return {
    start() {
      // A new start may come with a mended edge.
      sweeping = sweep(0);
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await sweeping;
    },
  };
}
