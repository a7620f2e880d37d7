/** The JSON shapes of Hrana 3 over HTTP (https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_3_SPEC.md). */

export type Value =
  | { type: "null" }
  | { type: "integer"; value: string }
  | { type: "float"; value: number }
  | { type: "text"; value: string }
  | { type: "blob"; base64: string };

export interface Stmt {
  sql?: string;
  sql_id?: number;
  args?: Value[];
  named_args?: { name: string; value: Value }[];
  want_rows?: boolean;
}

export interface StmtResult {
  cols: { name: string | null; decltype: string | null }[];
  rows: Value[][];
  affected_row_count: number;
  last_insert_rowid: string | null;
}

export type BatchCond =
  | { type: "ok" | "error"; step: number }
  | { type: "not"; cond: BatchCond }
  | { type: "and" | "or"; conds: BatchCond[] }
  | { type: "is_autocommit" };

export interface Batch {
  steps: { condition?: BatchCond | null; stmt: Stmt }[];
}

export type StreamRequest =
  | { type: "close" | "get_autocommit" }
  | { type: "execute"; stmt: Stmt }
  | { type: "batch"; batch: Batch }
  | { type: "sequence" | "describe"; sql?: string; sql_id?: number }
  | { type: "store_sql"; sql_id: number; sql: string }
  | { type: "close_sql"; sql_id: number };

export interface HranaError {
  message: string;
  code: string;
}

export type StreamResult = { type: "ok"; response: Record<string, unknown> } | { type: "error"; error: HranaError };

export interface Pipeline {
  baton?: string | null;
  requests: StreamRequest[];
}

/** The client broke the protocol: the whole request is answered with 400. */
export class ProtocolError extends Error {
  readonly code: string;

  constructor(message: string, code = "HRANA_PROTO_ERROR") {
    super(message);
    this.code = code;
  }
}

/** The server refuses the SQL before SQLite runs it. */
export class SqlInputError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function fromValue(value: Value): null | bigint | number | string | Buffer {
  switch (value.type) {
    case "null":
      return null;
    case "integer":
      return BigInt(value.value);
    case "float":
    case "text":
      return value.value;
    case "blob":
      return Buffer.from(value.base64, "base64");
    default:
      throw new ProtocolError("a value of an unknown type");
  }
}

export function toValue(value: unknown): Value {
  if (value === null || value === undefined) return { type: "null" };
  if (typeof value === "bigint") return { type: "integer", value: value.toString() };
  if (typeof value === "number") return { type: "float", value };
  if (typeof value === "string") return { type: "text", value };
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
    return { type: "blob", base64: Buffer.from(value as Uint8Array).toString("base64") };
  }
  throw new TypeError(`SQLite gave a ${typeof value}`);
}
