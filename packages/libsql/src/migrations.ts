import type { Client } from "@libsql/client";

/** A step of the schema. A released step never changes: a change of the schema is a new step. */
export interface Migration {
  /** Sortable and unique, such as `0001_verifications`. */
  name: string;
  statements: readonly string[];
}

/** The database was migrated by other code: its applied migrations are not the first ones of the list. */
export class MigrationMismatch extends Error {
  override readonly name = "MigrationMismatch";
}

/** The names that `migrate` would apply. */
export async function pendingMigrations(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  const applied = await appliedNames(client);
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

/**
 * Applies the missing steps in the order of the list, each in one transaction, and answers their names.
 * If two processes migrate at once, one applies a step and the other finds it applied.
 * Throws `MigrationMismatch` and changes nothing if the applied steps are not a prefix of the list.
 */
export async function migrate(client: Client, migrations: readonly Migration[], now: Date): Promise<string[]> {
  await client.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)");
  requirePrefix(await appliedNames(client), migrations);
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

function requirePrefix(applied: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const names = migrations.map(({ name }) => name);
  const known = new Set(names);
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new MigrationMismatch(`the database has migrations that this version does not know: ${unknown.join(", ")}`);
  const skipped = names.slice(0, applied.size).filter((name) => !applied.has(name));
  if (skipped.length > 0)
    throw new MigrationMismatch(`the database lacks ${skipped.join(", ")} but has later migrations`);
}

async function appliedNames(client: Client): Promise<Set<string>> {
  const known = await client.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'");
  if (known.rows.length === 0) return new Set();
  const { rows } = await client.execute("SELECT name FROM migration");
  return new Set(rows.map((row) => row["name"] as string));
}
