import type { StoreClient } from "./file-client.ts";
import { storeFailure } from "./failures.ts";

/** Whether the database takes what is new. */
export interface Room {
  /** The same client; what it is refused for want of room is noted. */
  client: StoreClient;
  /** False after a write found no room, until one of the same kind finds some again. */
  isThere(): Promise<boolean>;
}

const name = "room";
const size = 16 * 1024;

export function watchRoom(client: StoreClient): Room {
  let isFull = false;

  async function noted<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (storeFailure(error) === "full") isFull = true;
      throw error;
    }
  }

  return {
    client: {
      execute: (statement: Parameters<StoreClient["execute"]>[0]) => noted(client.execute(statement)),
      batch: (...call) => noted(client.batch(...call)),
      close: () => client.close(),
    },
    async isThere() {
      if (!isFull) return true;
      const write = { sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, zeroblob(?))", args: [name, size] };
      const forget = { sql: "DELETE FROM setting WHERE name = ?", args: [name] };
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
