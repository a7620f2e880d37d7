import { sql } from "kysely";
import type { Edge } from "./harness.ts";

/**
 * Each write whose number is asked for runs in the database, and then its transaction fails. Answers what ends this, and
 * counts the writes.
 */
export function failWrites({ services }: Edge, isFailing: (count: number) => boolean): () => number {
  const { db } = services;
  let count = 0;
  services.db = {
    ...db,
    write: async (queries) => {
      count += 1;
      if (!isFailing(count)) return db.write(queries);
      await db.write([queries, sql`SELECT json('not json')`] as never);
      throw new Error("the transaction did not fail");
    },
  };
  return () => {
    services.db = db;
    return count;
  };
}
