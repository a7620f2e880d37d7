import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Client, InStatement, ResultSet } from "@libsql/client";
import { createCheckpoints } from "./checkpoints.ts";

/** The part of a libSQL client that the store uses. */
export type StoreClient = Pick<Client, "execute" | "batch"> & { close(): void | Promise<void> };

const busyMs = 5000;
/** Where the WAL ends when the thread that makes checkpoints does not work: 80 MB. */
const longestWalPages = 20_000;

/**
 * Opens a database file with Node's own SQLite and prepares each statement once. libSQL's client prepares a statement each
 * time it runs, which costs 1 ms of CPU per message. The file format is the same.
 */
export function openFile(url: string): StoreClient {
  const path = decodeURIComponent(url.startsWith("file://") ? new URL(url).pathname : url.slice("file:".length));
  const db = new DatabaseSync(path, { timeout: busyMs });
  const prepared = new Map<string, { statement: StatementSync; answers: boolean }>();
  // A killed process loses nothing. A power cut may lose the last writes, but never damages the file.
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = NORMAL");
  db.exec(`PRAGMA wal_autocheckpoint = ${longestWalPages}`);
  const checkpoints = path === ":memory:" ? undefined : createCheckpoints(path);

  function run(query: InStatement): ResultSet {
    const { sql, args = [] } = typeof query === "string" ? { sql: query } : query;
    let entry = prepared.get(sql);
    if (!entry) {
      const statement = db.prepare(sql);
      entry = { statement, answers: statement.columns().length > 0 };
      prepared.set(sql, entry);
    }
    const values = args as readonly SQLInputValue[];
    if (!entry.answers) {
      const { changes } = entry.statement.run(...values);
      return resultOf([], Number(changes));
    }
    const rows = entry.statement.all(...values);
    return resultOf(rows, rows.length);
  }

  const client = {
    // These return promises as the client of a remote database does. The work itself is synchronous.
    async execute(query: InStatement) {
      return run(query);
    },
    async batch(queries: InStatement[]) {
      db.exec("BEGIN IMMEDIATE");
      try {
        const results = queries.map(run);
        db.exec("COMMIT");
        checkpoints?.committed();
        return results;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    },
    async close() {
      await checkpoints?.stop();
      db.close();
    },
  };
  return client;
}

function resultOf(rows: Record<string, unknown>[], rowsAffected: number): ResultSet {
  return { rows, rowsAffected, columns: [], columnTypes: [], lastInsertRowid: undefined } as unknown as ResultSet;
}
