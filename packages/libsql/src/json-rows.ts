import { type RawBuilder, sql } from "kysely";

/** The only column of a statement whose rows are JSON objects. */
export const jsonRow = "json_row";

/**
 * The columns of a SELECT, as one JSON object a row: the protocol writes an object for each column and for each value, so
 * a wide row costs both ends much less this way. Not for blobs, and not for integers above 2^53.
 * @param columns the SQL of each column by its name in the code
 */
export const jsonColumns = <Row>(columns: Readonly<Record<keyof Row & string, string>>): RawBuilder<unknown> =>
  sql.raw(
    `json_object(${Object.entries(columns)
      .map(([name, column]) => `'${name}', ${String(column)}`)
      .join(", ")}) AS ${jsonRow}`,
  );
