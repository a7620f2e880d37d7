import Database, { type Statement } from "libsql";
import { type Batch, type BatchCond, fromValue, type HranaError, ProtocolError, type Stmt, type StmtResult, toError, toValue } from "./hrana.ts";

const cachedStatements = 500;

/** One SQLite connection and the statements that it has prepared. */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Statement>();

  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    this.#database.defaultSafeIntegers(true);
  }

  get isAutocommit(): boolean {
    return !this.#database.inTransaction;
  }

  execute(sql: string, { args = [], named_args = [], want_rows = true }: Stmt): StmtResult {
    const statement = this.#prepare(sql);
    const parameters = bind(args, named_args);
    if (!statement.reader) {
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { cols: [], rows: [], affected_row_count: Number(changes), last_insert_rowid: String(lastInsertRowid) };
    }
    const rows = statement.raw(true).all(...parameters) as unknown[][];
    const [changes, rowid] = /^\s*(select|pragma|explain|values)\b/i.test(sql) ? [0n, 0n] : this.#lastWrite();
    return {
      cols: statement.columns().map(({ name, type }) => ({ name, decltype: type ?? null })),
      rows: want_rows ? rows.map((row) => row.map(toValue)) : [],
      affected_row_count: Number(changes),
      last_insert_rowid: rowid === 0n ? null : String(rowid),
    };
  }

  batch({ steps }: Batch, sqlOf: (stmt: Stmt) => string) {
    const results: (StmtResult | null)[] = [];
    const errors: (HranaError | null)[] = [];
    const holds = (condition: BatchCond): boolean => {
      switch (condition.type) {
        case "ok":
          return results[condition.step] != null;
        case "error":
          return errors[condition.step] != null;
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
    this.#database.exec(sql);
  }

  describe(sql: string) {
    const statement = this.#prepare(sql);
    return {
      params: [],
      cols: statement.reader ? statement.columns().map(({ name, type }) => ({ name, decltype: type ?? null })) : [],
      is_explain: /^\s*explain\b/i.test(sql),
      is_readonly: statement.reader && /^\s*(select|pragma|explain|values)\b/i.test(sql),
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

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size >= cachedStatements) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  #lastWrite(): [bigint, bigint] {
    return this.#prepare("SELECT changes(), last_insert_rowid()").raw(true).get() as [bigint, bigint];
  }
}

function bind(args: NonNullable<Stmt["args"]>, named: NonNullable<Stmt["named_args"]>): unknown[] {
  if (named.length === 0) return args.map(fromValue);
  return [Object.fromEntries(named.map(({ name, value }) => [name.replace(/^[:@$]/, ""), fromValue(value)]))];
}
