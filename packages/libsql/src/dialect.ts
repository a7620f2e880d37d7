import type { Client, InValue, ResultSet, Transaction } from "@libsql/client";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { jsonNames, readJsonRow } from "./json-rows.ts";
import { camelCase, snakeCase } from "./names.ts";

/** A kysely dialect over a libSQL client: HTTP at the edge, a file elsewhere. Names are camelCase outside it. */
export function libsqlDialect(client: Client): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => libsqlDriver(client),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => compiler,
  };
}

/** Kysely's `CamelCasePlugin` would copy the tree of each statement and each row. */
class SnakeCaseCompiler extends SqliteQueryCompiler {
  protected override sanitizeIdentifier(identifier: string): string {
    return super.sanitizeIdentifier(snakeCase(identifier));
  }
}

/** It compiles one statement at a time, without a pause, so all databases share it. */
const compiler = new SnakeCaseCompiler();

export function toStatement(query: CompiledQuery): { sql: string; args: InValue[] } {
  return { sql: query.sql, args: query.parameters.map(toValue) };
}

export function toQueryResult<Row>(result: ResultSet): QueryResult<Row> {
  return {
    rows: rowsOf(result) as Row[],
    numAffectedRows: BigInt(result.rowsAffected),
    ...(result.lastInsertRowid === undefined ? {} : { insertId: result.lastInsertRowid }),
  };
}

function rowsOf({ columns: given, rows }: ResultSet): unknown[] {
  const names = jsonNames(given[0]);
  if (names) return rows.map((values) => readJsonRow(values[0] as string, names));
  const columns = given.map((column) => [column, camelCase(column)] as const);
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [column, name] of columns) row[name] = values[column];
    return row;
  });
}

interface Connection extends DatabaseConnection {
  transaction?: Transaction | undefined;
}

function libsqlDriver(client: Client): Driver {
  async function openTransaction(connection: Connection): Promise<void> {
    connection.transaction = await client.transaction("write");
  }
  return {
    init: () => Promise.resolve(),
    acquireConnection: () => Promise.resolve(openConnection(client)),
    beginTransaction: openTransaction,
    commitTransaction: (connection: Connection) => end(connection, "commit"),
    rollbackTransaction: (connection: Connection) => end(connection, "rollback"),
    releaseConnection: () => Promise.resolve(),
    destroy: () => Promise.resolve(client.close()),
  };
}

function openConnection(client: Client): Connection {
  const connection: Connection = {
    executeQuery: async <Row>(query: CompiledQuery) =>
      toQueryResult<Row>(await (connection.transaction ?? client).execute(toStatement(query))),
    // oxlint-disable-next-line require-yield -- libSQL answers whole results; kysely wants the method to exist
    streamQuery: async function* () {
      throw new Error("libSQL results cannot be streamed");
    },
  };
  return connection;
}

function toValue(value: unknown): InValue {
  if (value === undefined) return null;
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  if (typeof value === "boolean" || value instanceof Uint8Array) return value;
  throw new TypeError(`a ${typeof value} cannot be bound to a statement`);
}

async function end(connection: Connection, how: "commit" | "rollback"): Promise<void> {
  try {
    await connection.transaction?.[how]();
  } finally {
    connection.transaction?.close();
    connection.transaction = undefined;
  }
}
