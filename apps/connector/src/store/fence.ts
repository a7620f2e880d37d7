import type { InStatement, ResultSet } from "@libsql/client";
import type { Store } from "./store.ts";

/** True while no other process has acquired the session since this fence. */
export const fenceHolds = "EXISTS (SELECT 1 FROM session WHERE id = ? AND fence = ?)";

/** The right to write for a session: a number that rises with every owner. */
export interface Fence {
  sessionId: string;
  fence: number;
}

/** A write found that another process owns the session now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor() {
    super("another process owns this session now");
  }
}

/** Runs statements that are guarded by the fence. Rejects with `LeaseLost` when another process owns the session. */
export async function writeFenced(
  { writer }: Store,
  { sessionId, fence }: Fence,
  statements: InStatement[],
): Promise<ResultSet[]> {
  const held = { sql: "SELECT 1 FROM session WHERE id = ? AND fence = ?", args: [sessionId, fence] };
  const results = await writer.write([...statements, held]);
  if (results.at(-1)!.rows.length === 0) throw new LeaseLost();
  return results;
}

/** The positions of the entries whose fence holds, in a JSON list of entries that start with session and fence. */
export function heldStatement(items: string): InStatement {
  return {
    sql: `SELECT item.key AS place FROM json_each(?) AS item
          JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1`,
    args: [items],
  };
}

/** One result for each of `count` entries: `LeaseLost` where the fence does not hold. */
export function unlessHeld(count: number, { rows }: ResultSet): (LeaseLost | undefined)[] {
  const held = new Set(rows.map((row) => Number(row["place"])));
  return Array.from({ length: count }, (_, place) => (held.has(place) ? undefined : new LeaseLost()));
}
