import { textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

export async function findSetting({ client }: Store, name: string): Promise<string | null> {
  const { rows } = await client.execute({ sql: "SELECT value FROM setting WHERE name = ?", args: [name] });
  return textOrNull(rows[0], "value");
}

export async function storeSetting({ writer }: Store, name: string, value: string): Promise<void> {
  const sql = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
  await writer.write([{ sql, args: [name, value] }]);
}

/** Stores a value unless there is one; returns the stored value. */
export async function settle(store: Store, name: string, value: string): Promise<string> {
  const sql = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
  await store.writer.write([{ sql, args: [name, value] }]);
  return (await findSetting(store, name)) ?? value;
}
