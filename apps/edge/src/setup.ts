import type { Client } from "@libsql/client";
import { createDatabase, migrate } from "@sandi/libsql";
import { rollUp } from "./analytics/roll-up.ts";
import { migrations } from "./db/migrations.ts";
import type { Tables } from "./db/schema.ts";

export { migrations };
export { createWorkspace, type NewWorkspace } from "./workspaces/create-workspace.ts";
export { type NewQuota, setQuota } from "./workspaces/set-quota.ts";

/** Migrates the edge's database to the newest schema. Returns the names of the applied migrations. */
export function migrateDatabase(client: Client, now: Date): Promise<string[]> {
  return migrate(client, migrations, now);
}

/** Rolls up counts of verifications, as cron does. Returns how many: less than `most` if none are left. */
export async function rollUpCounts(client: Client, most: number): Promise<number> {
  const db = createDatabase<Tables>(client);
  const { moved } = await db.write(rollUp(db, most));
  return Number(moved.numAffectedRows);
}
