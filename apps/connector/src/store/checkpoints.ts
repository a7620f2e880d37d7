import { Worker } from "node:worker_threads";

/** Copies what was committed from the WAL into the database file, in a thread of its own. */
export interface Checkpoints {
  /** Call it after each commit. */
  committed(): void;
  stop(): Promise<void>;
}

/** About 1000 pages of WAL, after which SQLite itself makes a checkpoint. */
const commitsBetween = 200;

/**
 * A checkpoint waits for the disk, often for more than 100 ms. On the main thread all sessions would wait with it. The
 * thread starts with the first checkpoint and never keeps the process alive.
 */
export function createCheckpoints(path: string): Checkpoints {
  let commits = 0;
  let isRunning = false;
  let worker: Worker | undefined;

  function start(): Worker {
    const started = new Worker(new URL("./checkpoint-worker.ts", import.meta.url), { workerData: path });
    started.unref();
    started.on("message", () => (isRunning = false));
    // The next checkpoint starts another thread. Without one, SQLite makes checkpoints in `openFile`.
    const drop = () => {
      if (worker === started) [worker, isRunning] = [undefined, false];
    };
    started.on("error", drop);
    started.on("exit", drop);
    return started;
  }

  return {
    committed() {
      if (++commits < commitsBetween || isRunning) return;
      [commits, isRunning] = [0, true];
      worker ??= start();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage("checkpoint");
    },
    async stop() {
      await worker?.terminate();
    },
  };
}
