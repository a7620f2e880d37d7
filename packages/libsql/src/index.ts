export { createDatabase, type Database, type WriteResult } from "./database.ts";
export { type Migration, migrate, MigrationMismatch, pendingMigrations } from "./migrations.ts";
