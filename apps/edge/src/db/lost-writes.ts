import type { Services } from "../services.ts";
import { isUnreachable } from "./failures.ts";

const attempts = 4;

interface Remedy<Row> {
  /** Keeps the write from landing, and answers its row when it had landed already. */
  settle: () => Promise<Row | undefined>;
  /** Keeps the write from landing, and takes it back when it had landed already. */
  withdraw: () => Promise<unknown>;
}

/**
 * After a write that was not answered: answers the row that it stored, or throws because it has stored nothing and never
 * will. When that is not answered either, the caller hears 503, and the write is withdrawn before cron acts on it.
 */
export async function recover<Row>(
  { waitUntil, sleep, log }: Services,
  error: unknown,
  { settle, withdraw }: Remedy<Row>,
): Promise<Row> {
  if (!isUnreachable(error)) throw error;
  let row: Row | undefined;
  try {
    row = await settle();
  } catch (again) {
    waitUntil(withdrawLater());
    throw again;
  }
  if (row === undefined) throw error;
  return row;

  async function withdrawLater(): Promise<void> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      await sleep(250 * 2 ** attempt);
      const isDone = await withdraw().then(
        () => true,
        () => false,
      );
      if (isDone) return;
    }
    log("a write that was answered with 503 may have been stored");
  }
}
