export { createDatabase, type Database, type WriteResult } from "./database.ts";
export { type Migration, migrate, pendingMigrations } from "./migrations.ts";
