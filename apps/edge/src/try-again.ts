import type { Services } from "./services.ts";

const attempts = 5;

/** Runs work that may fail for a moment, up to five times within 8 seconds. Rejects with the last error. */
export async function tryAgain({ sleep }: Pick<Services, "sleep">, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < attempts; attempt++) {
    try {
      return await work();
    } catch {
      await sleep(250 * 2 ** attempt);
    }
  }
  return work();
}
