import type { Client } from "@libsql/client";
import { CamelCasePlugin, type Compilable, type CompiledQuery, Kysely, type QueryResult } from "kysely";
import { libsqlDialect, toQueryResult, toStatement } from "./dialect.ts";

type Query<Row = unknown> = CompiledQuery<Row> | Compilable<Row>;

/** One result per query of a batch, in order. */
export type WriteResult<Queries extends readonly Query[]> = {
  -readonly [Index in keyof Queries]: Queries[Index] extends Query<infer Row> ? QueryResult<Row> : never;
};

/** A typed libSQL database: camelCase in the code, snake_case in SQL. */
export interface Database<Schema> {
  /** For reads and for building queries. A write that is more than one statement goes through `write`. */
  readonly kysely: Kysely<Schema>;
  /**
   * Runs the queries as one transaction in one round trip: all of them or none. Throws the client's `LibsqlError`.
   * Raw SQL joins with `sql\`…\`.compile(db.kysely)`.
   */
  write<const Queries extends readonly Query[]>(queries: Queries): Promise<WriteResult<Queries>>;
  /** The same for reads that must see one state. */
  read<const Queries extends readonly Query[]>(queries: Queries): Promise<WriteResult<Queries>>;
  close(): void;
}

/** @param client from `@libsql/client`; at the edge one per request, from `@libsql/client/web` with `concurrency: 0` */
export function createDatabase<Schema>(client: Client): Database<Schema> {
  const camelCase = new CamelCasePlugin();
  const kysely = new Kysely<Schema>({ dialect: libsqlDialect(client), plugins: [camelCase] });

  async function batch<const Queries extends readonly Query[]>(queries: Queries, mode: "read" | "write") {
    const compiled = queries.map((query) => ("compile" in query ? query.compile() : query));
    const results = await client.batch(compiled.map(toStatement), mode);
    const rows = await Promise.all(
      results.map((result, i) =>
        camelCase.transformResult({
          queryId: (compiled[i] as CompiledQuery).queryId,
          result: toQueryResult<Record<string, unknown>>(result),
        }),
      ),
    );
    return rows as WriteResult<Queries>;
  }

  return {
    kysely,
    write: (queries) => batch(queries, "write"),
    read: (queries) => batch(queries, "read"),
    close: () => client.close(),
  };
}
