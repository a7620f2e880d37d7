import type { Meter } from "../metrics.ts";
import type { Services } from "../services.ts";
import type { OpenCredentials } from "./credentials.ts";

/** Credentials whose reads and writes are counted and timed. */
export function measuredCredentials(
  open: OpenCredentials,
  meter: Meter,
  { now }: Pick<Services, "now">,
): OpenCredentials {
  const reads = {
    seconds: meter.histogram("sandi_key_store_read_seconds", "Reading WhatsApp keys from the database."),
    rows: meter.counter("sandi_key_store_read_rows_total", "WhatsApp keys read from the database."),
  };
  const writes = {
    seconds: meter.histogram("sandi_key_store_write_seconds", "Writing WhatsApp keys to the database."),
    rows: meter.counter("sandi_key_store_write_rows_total", "WhatsApp keys written or deleted."),
  };

  async function measured<T>({ seconds, rows }: typeof reads, count: number, work: Promise<T>): Promise<T> {
    const at = now().getTime();
    try {
      return await work;
    } finally {
      seconds.observe((now().getTime() - at) / 1000);
      rows.inc(count);
    }
  }

  return (...session) => {
    const credentials = open(...session);
    return {
      ...credentials,
      read: (kind, ids) => measured(reads, ids.length, credentials.read(kind, ids)),
      write: (changes) => measured(writes, changes.length, credentials.write(changes)),
    };
  };
}
