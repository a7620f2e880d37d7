import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** In a WAL longer than 32 MB, writers wait for the end of a checkpoint, so that the WAL starts again from its beginning. */
const longWalPages = 8000;

const db = new DatabaseSync(workerData as string, { timeout: 1000 });
db.exec("PRAGMA synchronous = NORMAL");
const copy = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const restart = db.prepare("PRAGMA wal_checkpoint(RESTART)");

parentPort?.on("message", () => {
  // Nobody waits for this. What is written meanwhile is left for the next checkpoint.
  const { log } = copy.get() as { log: number };
  if (log > longWalPages) {
    // The first of these leaves little to do while writers wait.
    copy.get();
    restart.get();
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage("done");
});
