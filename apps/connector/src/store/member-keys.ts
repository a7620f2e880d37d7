import { text } from "./row.ts";
import type { Store } from "./store.ts";

/** What a connector that is alive has told of its keys. */
export interface KeysOfMember {
  run: string;
  /** The ids of its keys, the one that it seals under first; none from an earlier version. */
  kids: string[];
}

export async function findKeysOfMembers({ client }: Store, now: Date): Promise<KeysOfMember[]> {
  const { rows } = await client.execute({
    sql: "SELECT run, kids FROM member WHERE expires_at > ? ORDER BY run",
    args: [now.getTime()],
  });
  return rows.map((row) => ({ run: text(row, "run"), kids: text(row, "kids").split(",").filter(Boolean) }));
}
