import type { Client } from "@libsql/client";
import {
  type Compilable,
  type CompiledQuery,
  Kysely,
  type QueryExecutorProvider,
  type QueryResult,
  type RawBuilder,
} from "kysely";
import { libsqlDialect, toQueryResult, toStatement } from "./dialect.ts";

/** A statement: of kysely's builders, or `sql\`…\`` with the type of its rows. */
export type Query<Row = unknown> = CompiledQuery<Row> | Compilable<Row> | RawBuilder<Row>;

/** Statements by name or in a list, nested as the caller likes. They run in the order in which they are written. */
export type Queries = Query | readonly Queries[] | NamedQueries;
export interface NamedQueries {
  readonly [name: string]: Queries;
}

/** The results in the shape of the queries. */
export type Results<Of> = Queries extends Of
  ? unknown
  : Of extends Query<infer Row>
    ? QueryResult<Row>
    : { -readonly [Name in keyof Of]: Results<Of[Name]> };

/** A typed libSQL database: camelCase in the code, snake_case in SQL. */
export interface Database<Schema> {
  /** For reads and for building queries. A write that is more than one statement goes through `write`. */
  readonly kysely: Kysely<Schema>;
  /** Runs the queries as one transaction in one round trip: all of them or none. Throws the client's `LibsqlError`. */
  write<const Of extends Queries>(queries: Of): Promise<Results<Of>>;
  /** The same for reads that must see one state. */
  read<const Of extends Queries>(queries: Of): Promise<Results<Of>>;
  close(): void;
}

/** @param client from `@libsql/client`; at the edge from `@libsql/client/web`, without a limit of concurrency */
export function createDatabase<Schema>(client: Client): Database<Schema> {
  const kysely = new Kysely<Schema>({ dialect: libsqlDialect(client) });

  async function batch<Of extends Queries>(queries: Of, mode: "read" | "write"): Promise<Results<Of>> {
    const answers = await client.batch(compiledQueries({ kysely }, queries).map(toStatement), mode);
    return shapedAs(queries, answers.map(toQueryResult).values()) as Results<Of>;
  }

  return {
    kysely,
    write: (queries) => batch(queries, "write"),
    read: (queries) => batch(queries, "read"),
    close: () => client.close(),
  };
}

/** The statements in the order in which they run. */
export function compiledQueries(db: { readonly kysely: QueryExecutorProvider }, queries: Queries): CompiledQuery[] {
  if (!isQuery(queries)) return Object.values(queries).flatMap((each: Queries) => compiledQueries(db, each));
  return ["compile" in queries ? queries.compile(db.kysely) : queries];
}

const isQuery = (queries: Queries): queries is Query => "compile" in queries || "queryId" in queries;

/** Takes the results in the order of `compiledQueries`. */
function shapedAs(queries: Queries, results: Iterator<unknown>): unknown {
  if (isQuery(queries)) return results.next().value;
  if (Array.isArray(queries)) return (queries as readonly Queries[]).map((each) => shapedAs(each, results));
  return Object.fromEntries(Object.entries(queries).map(([name, each]) => [name, shapedAs(each, results)]));
}
