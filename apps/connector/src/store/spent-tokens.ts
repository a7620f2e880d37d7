import type { InStatement } from "@libsql/client";
import type { Store } from "./store.ts";

/** Marks a token as used for every connector of this database; false when it was used before. */
export async function spendToken({ writer }: Store, jti: string, until: Date): Promise<boolean> {
  const sql = "INSERT INTO spent_token (jti, until) VALUES (?, ?) ON CONFLICT DO NOTHING";
  const [spent] = await writer.write([{ sql, args: [jti, until.getTime()] }]);
  return spent!.rowsAffected === 1;
}

/** Deletes tokens that have expired. */
export function sweepTokens(now: Date): InStatement[] {
  return [{ sql: "DELETE FROM spent_token WHERE until < ?", args: [now.getTime()] }];
}
