import type { Metrics } from "../metrics.ts";
import type { Services } from "../services.ts";
import type { OpenCredentials } from "./credentials.ts";

/** Credentials whose reads and writes are counted and timed. */
export function measuredCredentials(
  open: OpenCredentials,
  { keyStore }: Pick<Metrics, "keyStore">,
  { now }: Pick<Services, "now">,
): OpenCredentials {
  async function measured<T>(what: "reads" | "writes", rows: number, work: Promise<T>): Promise<T> {
    const at = now().getTime();
    try {
      return await work;
    } finally {
      keyStore[what].seconds.observe((now().getTime() - at) / 1000);
      keyStore[what].rows.inc(rows);
    }
  }

  return (...session) => {
    const credentials = open(...session);
    return {
      ...credentials,
      read: (kind, ids) => measured("reads", ids.length, credentials.read(kind, ids)),
      write: (changes) => measured("writes", changes.length, credentials.write(changes)),
    };
  };
}
