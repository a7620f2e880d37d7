import { type RawBuilder, sql } from "kysely";

/** The names of the values in a JSON row, by the name of its only column. */
const rows = new Map<string, readonly string[]>();

/**
 * The columns of a SELECT, as one JSON array a row: the protocol writes an object for each column and for each value, so a
 * wide row costs both ends much less this way. Not for blobs, and not for integers above 2^53.
 * @param name of the rows, unique in the program
 * @param columns the SQL of each column by its name in the code
 */
export function jsonColumns<Row>(
  name: string,
  columns: Readonly<Record<keyof Row & string, string>>,
): RawBuilder<unknown> {
  const column = `json_${name}`;
  rows.set(column, Object.keys(columns));
  return sql.raw(`json_array(${Object.values(columns).join(", ")}) AS ${column}`);
}

/** The names of the values, if the column is a JSON row. */
export const jsonNames = (column: string | undefined) => (column === undefined ? undefined : rows.get(column));

/** Reads a JSON row. */
export function readJsonRow(text: string, names: readonly string[]): Record<string, unknown> {
  const values = JSON.parse(text) as unknown[];
  const row: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) row[names[i] as string] = values[i];
  return row;
}
