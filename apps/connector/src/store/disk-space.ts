import type { StoreClient } from "./file-client.ts";
import { storeFailure } from "./failures.ts";

/** Whether the database has space for new rows. */
export interface DiskSpace {
  /** The same client; a write that fails because the database is full is remembered. */
  client: StoreClient;
  /** False after a write found no space, until a test write succeeds again. */
  isAvailable(): Promise<boolean>;
}

const testRow = "space_test";
const size = 16 * 1024;

export function watchDiskSpace(client: StoreClient): DiskSpace {
  let isFull = false;

  async function watched<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (storeFailure(error) === "full") isFull = true;
      throw error;
    }
  }

  return {
    client: {
      execute: (statement: Parameters<StoreClient["execute"]>[0]) => watched(client.execute(statement)),
      batch: (...call) => watched(client.batch(...call)),
      close: () => client.close(),
    },
    async isAvailable() {
      if (!isFull) return true;
      const write = {
        sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, zeroblob(?))",
        args: [testRow, size],
      };
      const forget = { sql: "DELETE FROM setting WHERE name = ?", args: [testRow] };
      try {
        await client.batch([write, forget], "write");
        isFull = false;
      } catch (error) {
        if (storeFailure(error) !== "full") throw error;
      }
      return !isFull;
    },
  };
}
