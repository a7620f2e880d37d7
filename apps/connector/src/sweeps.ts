import type { Logger } from "pino";
import type { Services } from "./services.ts";

/** A task that runs at the start and then every minute. */
export interface Sweep {
  name: string;
  run(isStart: boolean): Promise<unknown>;
}

/** Runs the sweeps of all rooms, one after the other. */
export interface Sweeper {
  start(): void;
  /** Resolves when no sweep is running. */
  stop(): Promise<void>;
}

interface Options {
  services: Pick<Services, "after">;
  sweeps: readonly Sweep[];
  logger: Logger;
}

const everyMs = 60_000;

export function createSweeper({ services, sweeps, logger }: Options): Sweeper {
  let isStopped = false;
  let cancel: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();

  /** A sweep that fails does not keep the others from running. */
  async function runAll(isStart: boolean): Promise<void> {
    for (const sweep of sweeps) {
      if (isStopped) return;
      try {
        await sweep.run(isStart);
      } catch (error) {
        logger.warn({ sweep: sweep.name, error }, "a sweep failed");
      }
    }
    if (isStopped) return;
    cancel = services.after(everyMs, () => {
      running = runAll(false);
    });
  }

  return {
    start() {
      running = runAll(true);
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await running;
    },
  };
}
