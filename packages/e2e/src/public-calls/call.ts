/** At most so many statements, bytes of SQL, rows read and rows written, those after the answer included. */
export type Budget = readonly [statements: number, sqlBytes: number, rowsRead: number, rowsWritten: number];

/** A request and its subrequests: first those that the answer waits for, then after `|` the others. */
export interface Call {
  /** As in openapi.json. Several calls of one route differ by the words in brackets. */
  route: string;
  path?: () => string;
  body?: object | (() => object);
  headers?: Record<string, string> | (() => Promise<Record<string, string>>);
  asks: string;
  /** What it may cost at the database, in numbers of `Budget`. Absent where it asks no database. */
  budget?: Budget;
  arrange?: () => Promise<unknown>;
  /** Stores what later calls need from the answer. */
  keep?: (body: never) => void;
}
