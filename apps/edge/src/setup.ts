import type { Client } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import { migrations } from "./db/migrations.ts";

export { migrations };
export { createWorkspace, type NewWorkspace } from "./workspaces/create-workspace.ts";
export { type NewQuota, setQuota } from "./workspaces/set-quota.ts";

/** Migrates the edge's database to the newest schema. Returns the names of the applied migrations. */
export function migrateDatabase(client: Client, now: Date): Promise<string[]> {
  return migrate(client, migrations, now);
}
