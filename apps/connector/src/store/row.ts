import type { Row } from "@libsql/client";

/** Reads a column that holds text. */
export function text(row: Row | undefined, name: string): string {
  const value = row?.[name];
  if (typeof value !== "string") throw new TypeError(`${name} is not text`);
  return value;
}

export function textOrNull(row: Row | undefined, name: string): string | null {
  return row?.[name] === null || row?.[name] === undefined ? null : text(row, name);
}

export function dateOrNull(row: Row | undefined, name: string): Date | null {
  const value = row?.[name];
  return typeof value === "number" ? new Date(value) : null;
}
