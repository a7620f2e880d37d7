export {
  compiledQueries,
  createDatabase,
  type Database,
  type NamedQueries,
  type Queries,
  type Query,
  type Results,
} from "./database.ts";
export { type Migration, migrate, MigrationMismatch, pendingMigrations } from "./migrations.ts";
