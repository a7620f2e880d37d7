import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { toError } from "./errors.ts";
import {
  type Batch,
  type BatchCond,
  fromValue,
  type HranaError,
  ProtocolError,
  SqlInputError,
  type Stmt,
  type StmtResult,
  toValue,
} from "./hrana.ts";
import { type Change, changeOf, countStatements, isSelect, parametersOf } from "./sql.ts";

const statementsKept = 500;

/**
 * What costs least CPU: one write changes a few bytes in many tables, so small pages (of a new file) make its log short;
 * triggers use temporary tables; many pages change again before the next checkpoint.
 */
const settings = `PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8000`;

declare module "node:sqlite" {
  interface StatementSync {
    /** Node has it, @types/node does not yet. */
    stat(counter: "reprepare"): number;
  }
}

interface Prepared {
  statement: StatementSync;
  parameters: (string | null)[];
  hasNames: boolean;
  columns: StmtResult["cols"];
  /** How often SQLite has prepared the statement again because the schema changed. */
  preparations: number;
  isReadOnly: boolean;
  change: Change | undefined;
}

type Written = ReturnType<StatementSync["run"]>;

/** One SQLite connection and the statements that it has prepared. */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 1000 });
    this.#database.exec(settings);
  }

  get isAutocommit(): boolean {
    return !this.#database.isTransaction;
  }

  execute(sql: string, { args = [], named_args = [], want_rows = true }: Stmt): StmtResult {
    const prepared = this.#prepare(sql);
    const { statement, change } = prepared;
    const values = bind(prepared, args, named_args);
    let rows: SQLOutputValue[][] = [];
    let written: Written = { changes: 0, lastInsertRowid: 0 };
    if (prepared.columns.length === 0) written = statement.run(...values);
    else {
      rows = statement.all(...values) as unknown as SQLOutputValue[][];
      if (change) written = this.#lastWrite();
    }
    return {
      cols: columnsOf(prepared),
      rows: want_rows ? rows.map((row) => row.map(toValue)) : [],
      // SQLite keeps both numbers of the last write.
      affected_row_count: change ? Number(written.changes) : 0,
      last_insert_rowid: change === "insert" ? String(written.lastInsertRowid) : null,
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
    const prepared = this.#prepare(sql);
    const { parameters, isReadOnly } = prepared;
    return {
      params: parameters.map((name) => ({ name })),
      cols: columnsOf(prepared),
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
    // Without bigints an INTEGER and a REAL would look the same.
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const parameters = parametersOf(sql);
    const prepared = {
      statement,
      parameters,
      hasNames: parameters.some(isName),
      columns: readColumns(statement),
      preparations: 0,
      change: changeOf(sql),
      isReadOnly: isSelect(sql) || /^\s*pragma\b/i.test(sql),
    };
    this.#statements.set(sql, prepared);
    this.#forgetOldest();
    return prepared;
  }

  #forgetOldest(): void {
    if (this.#statements.size <= statementsKept) return;
    for (const sql of this.#statements.keys()) {
      this.#statements.delete(sql);
      return;
    }
  }

  #lastWrite(): Written {
    const { statement } = this.#prepare("SELECT changes(), last_insert_rowid()");
    const [changes, lastInsertRowid] = statement.get() as unknown as [bigint, bigint];
    return { changes, lastInsertRowid };
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

/** SQLite describes a column slowly, so a description is kept until the statement was prepared again. */
function columnsOf(prepared: Prepared): StmtResult["cols"] {
  const preparations = prepared.statement.stat("reprepare");
  if (preparations !== prepared.preparations) {
    prepared.columns = readColumns(prepared.statement);
    prepared.preparations = preparations;
  }
  return prepared.columns;
}

const readColumns = (statement: StatementSync): StmtResult["cols"] =>
  statement.columns().map(({ name, type }) => ({ name, decltype: type }));

/** One value for each parameter: without one, a prepared statement would use NULL. */
function bind(
  { parameters, hasNames }: Prepared,
  args: NonNullable<Stmt["args"]>,
  named: NonNullable<Stmt["named_args"]>,
): SQLInputValue[] {
  if (args.length > parameters.length) {
    throw new SqlInputError("ARGS_INVALID", `too many parameters, expected ${parameters.length} found ${args.length}`);
  }
  const values = new Map(named.map(({ name, value }) => [name, value]));
  const given = parameters.map((name, index) => {
    const value = args[index] ?? (name === null ? undefined : (values.get(name) ?? values.get(name.slice(1))));
    if (!value) throw new SqlInputError("ARGS_INVALID", `value for parameter ${name ?? index + 1} not found`);
    return fromValue(value);
  });
  if (!hasNames) return given;
  // Node binds values to names first, then the others to `?` and `?1` by number.
  const byName = Object.fromEntries(parameters.flatMap((name, at) => (isName(name) ? [[name, given[at]]] : [])));
  return [byName, ...given.filter((_, at) => !isName(parameters[at]))];
}

const isName = (parameter: string | null | undefined) => typeof parameter === "string" && !parameter.startsWith("?");
