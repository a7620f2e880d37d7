import type { InStatement, ResultSet } from "@libsql/client";
import type { Store } from "./store.ts";

/** Holds while the lease that was taken with this fence has not been taken by another. */
export const fenceHolds = "EXISTS (SELECT 1 FROM session WHERE id = ? AND fence = ?)";

/** The right to write for a session; a number that rises with every owner. */
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

/** Runs statements that are guarded by the fence; rejects with `LeaseLost` when it has fallen and nothing was written. */
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

/** Of a JSON list whose entries start with session and fence: the places of those whose fence holds. */
export function heldStatement(items: string): InStatement {
  return {
    sql: `SELECT item.key AS place FROM json_each(?) AS item
          JOIN session ON session.id = item.value ->> 0 AND session.fence = item.value ->> 1`,
    args: [items],
  };
}

/** `LeaseLost` for each of so many entries whose place was not among the held ones. */
export function unlessHeld(count: number, { rows }: ResultSet): (LeaseLost | undefined)[] {
  const held = new Set(rows.map((row) => Number(row["place"])));
  return Array.from({ length: count }, (_, place) => (held.has(place) ? undefined : new LeaseLost()));
}
