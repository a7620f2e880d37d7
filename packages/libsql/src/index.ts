export {
  compiledQueries,
  createDatabase,
  type Database,
  type NamedQueries,
  type Queries,
  type Query,
  type Results,
} from "./database.ts";
export { jsonColumns } from "./json-rows.ts";
export { type Migration, migrate, MigrationMismatch, pendingMigrations } from "./migrations.ts";
