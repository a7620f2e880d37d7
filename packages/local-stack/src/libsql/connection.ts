import Database, { type Statement } from "libsql";
import {
  type Batch,
  type BatchCond,
  fromValue,
  type HranaError,
  ProtocolError,
  SqlInputError,
  type Stmt,
  type StmtResult,
  toError,
  toValue,
} from "./hrana.ts";
import { countStatements, isSelect, parametersOf } from "./sql.ts";

const cachedStatements = 500;

interface Prepared {
  statement: Statement;
  parameters: (string | null)[];
  isReader: boolean;
  isReadOnly: boolean;
  isInsert: boolean;
}

/** One SQLite connection and the statements that it has prepared. */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Prepared>();

  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 1000",
    );
    this.#database.defaultSafeIntegers(true);
  }

  get isAutocommit(): boolean {
    return !this.#database.inTransaction;
  }

  execute(sql: string, { args = [], named_args = [], want_rows = true }: Stmt): StmtResult {
    const { statement, parameters, isReader, isReadOnly, isInsert } = this.#prepare(sql);
    const values = bind(parameters, args, named_args);
    if (!isReader) {
      const { changes, lastInsertRowid } = statement.run(...values);
      return {
        cols: [],
        rows: [],
        affected_row_count: changes,
        last_insert_rowid: isInsert ? String(lastInsertRowid) : null,
      };
    }
    const rows = statement.raw(true).all(...values) as unknown[][];
    const [changes, rowid] = isReadOnly ? [0n, 0n] : this.#lastWrite();
    return {
      cols: columnsOf(statement),
      rows: want_rows ? rows.map((row) => row.map(toValue)) : [],
      affected_row_count: Number(changes),
      last_insert_rowid: isInsert ? String(rowid) : null,
    };
  }

  batch({ steps }: Batch, sqlOf: (stmt: Stmt) => string) {
    const results: (StmtResult | null)[] = [];
    const errors: (HranaError | null)[] = [];
    const holds = (condition: BatchCond): boolean => {
      switch (condition.type) {
        case "ok":
          return Boolean(results[condition.step]);
        case "error":
          return Boolean(errors[condition.step]);
        case "not":
          return !holds(condition.cond);
        case "and":
          return condition.conds.every(holds);
        case "or":
          return condition.conds.some(holds);
        case "is_autocommit":
          return this.isAutocommit;
        default:
          throw new ProtocolError("a condition of an unknown type");
      }
    };
    for (const { condition, stmt } of steps) {
      results.push(null);
      errors.push(null);
      if (condition && !holds(condition)) continue;
      try {
        results[results.length - 1] = this.execute(sqlOf(stmt), stmt);
      } catch (error) {
        errors[errors.length - 1] = toError(error);
      }
    }
    return { step_results: results, step_errors: errors };
  }

  sequence(sql: string): void {
    refuseFiles(sql);
    this.#database.exec(sql);
  }

  describe(sql: string) {
    const { statement, parameters, isReader, isReadOnly } = this.#prepare(sql);
    return {
      params: parameters.map((name) => ({ name })),
      cols: isReader ? columnsOf(statement) : [],
      is_explain: /^\s*explain\b/i.test(sql),
      is_readonly: isReadOnly,
    };
  }

  rollback(): void {
    if (!this.isAutocommit) this.#database.exec("ROLLBACK");
  }

  close(): void {
    this.rollback();
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known) return known;
    const count = countStatements(sql);
    if (count === 0) throw new SqlInputError("SQL_NO_STATEMENT", "SQL string does not contain any statement");
    if (count === 2) throw new SqlInputError("SQL_MANY_STATEMENTS", "SQL string contains more than one statement");
    refuseFiles(sql);
    const statement = this.#database.prepare(sql);
    const prepared = {
      statement,
      parameters: parametersOf(sql),
      isReader: statement.reader,
      isInsert: /^\s*(?:insert|replace)\b/i.test(sql),
      isReadOnly: isSelect(sql) || /^\s*pragma\b/i.test(sql),
    };
    if (this.#statements.size >= cachedStatements) this.#statements.clear();
    this.#statements.set(sql, prepared);
    return prepared;
  }

  #lastWrite(): [bigint, bigint] {
    const { statement } = this.#prepare("SELECT changes(), last_insert_rowid()");
    return statement.raw(true).get() as [bigint, bigint];
  }
}

/** Refuses SQL that reads or writes other files, as the real server does. */
function refuseFiles(sql: string): void {
  if (
    /\b(?:readfile|writefile|load_extension|fsdir|edit)\s*\(|(?:^|;)\s*(?:attach|detach)\b|\bvacuum\b.*\binto\b/ims.test(
      sql,
    )
  ) {
    throw new SqlInputError("SQL_NOT_ALLOWED", "this SQL reaches beyond the database");
  }
}

function columnsOf(statement: Statement): StmtResult["cols"] {
  return statement.columns().map(({ name, type }) => ({ name, decltype: type ?? null }));
}

/** One value for each parameter: without one, a prepared statement would use the value of its last run. */
function bind(
  parameters: Prepared["parameters"],
  args: NonNullable<Stmt["args"]>,
  named: NonNullable<Stmt["named_args"]>,
): unknown[] {
  if (args.length > parameters.length) {
    throw new SqlInputError("ARGS_INVALID", `too many parameters, expected ${parameters.length} found ${args.length}`);
  }
  const values = new Map(named.map(({ name, value }) => [name, value]));
  const given = parameters.map((name, index) => {
    const value = args[index] ?? (name === null ? undefined : (values.get(name) ?? values.get(name.slice(1))));
    if (!value) throw new SqlInputError("ARGS_INVALID", `value for parameter ${name ?? index + 1} not found`);
    return fromValue(value);
  });
  // libsql reads a single object, also a blob, as named values. A list is read as positional values.
  return given.length === 0 ? [] : [given];
}
