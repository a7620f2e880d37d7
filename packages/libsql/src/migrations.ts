import type { Client } from "@libsql/client";

/** A step of the schema. Once released it never changes; what follows is a new step. */
export interface Migration {
  /** Sortable and unique, such as `0001_verifications`. */
  name: string;
  statements: readonly string[];
}

/** The names that `migrate` would apply. */
export async function pendingMigrations(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  const applied = await appliedNames(client);
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

/**
 * Applies what is missing, in the order of the list, each step in one transaction; answers the names applied.
 * Two processes that migrate at once: one applies a step, the other finds it applied.
 */
export async function migrate(client: Client, migrations: readonly Migration[], now: Date): Promise<string[]> {
  await client.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)");
  const done: string[] = [];
  for (const { name, statements } of migrations) {
    if ((await appliedNames(client)).has(name)) continue;
    try {
      await client.batch(
        [{ sql: "INSERT INTO migration (name, applied_at) VALUES (?, ?)", args: [name, now.getTime()] }, ...statements],
        "write",
      );
      done.push(name);
    } catch (cause) {
      if ((await appliedNames(client)).has(name)) continue;
      throw new Error(`migration ${name} failed and changed nothing`, { cause });
    }
  }
  return done;
}

async function appliedNames(client: Client): Promise<Set<string>> {
  const known = await client.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'");
  if (known.rows.length === 0) return new Set();
  const { rows } = await client.execute("SELECT name FROM migration");
  return new Set(rows.map((row) => row["name"] as string));
}
