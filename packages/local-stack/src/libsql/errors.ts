import type { HranaError } from "./hrana.ts";

/** SQLite's result codes from 1 on. */
const results =
  "ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB".split(
    " ",
  );
/** The extended codes of a broken constraint from 1 on. */
const constraints =
  "CHECK COMMITHOOK FOREIGNKEY FUNCTION NOTNULL PRIMARYKEY TRIGGER UNIQUE VTAB ROWID PINNED DATATYPE".split(" ");
const constraint = results.indexOf("CONSTRAINT") + 1;

/** The name of SQLite's code; the extended name of a broken constraint. */
function nameOf(errcode: number): string {
  const result = errcode & 0xff;
  const name = `SQLITE_${results[result - 1] ?? "UNKNOWN"}`;
  const extended = result === constraint ? constraints[(errcode >> 8) - 1] : undefined;
  return extended === undefined ? name : `${name}_${extended}`;
}

export function toError(error: unknown): HranaError {
  const { message, code, errcode } = error as { message: string; code?: string; errcode?: number };
  return { message, code: errcode === undefined ? (code ?? "SQL_INPUT_ERROR") : nameOf(errcode) };
}
