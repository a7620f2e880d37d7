import { text } from "./row.ts";
import type { Store } from "./store.ts";

/** The keys that a running connector has announced. */
export interface KeysOfMember {
  run: string;
  /** The ids of its keys; it seals under the first. Empty for a connector of an earlier version. */
  kids: string[];
}

export async function findKeysOfMembers({ client }: Store, now: Date): Promise<KeysOfMember[]> {
  const { rows } = await client.execute({
    sql: "SELECT run, kids FROM member WHERE expires_at > ? ORDER BY run",
    args: [now.getTime()],
  });
  return rows.map((row) => ({ run: text(row, "run"), kids: text(row, "kids").split(",").filter(Boolean) }));
}
