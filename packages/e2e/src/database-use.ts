/** What requests to the database cost. Turso counts rows; the bytes are those of the SQL texts, without arguments. */
export interface DatabaseUse {
  statements: number;
  sqlBytes: number;
  /** Not known of a server that does not count rows. */
  rowsRead: number | undefined;
  rowsWritten: number | undefined;
}

interface Statement {
  /** Absent where a text is sent once and used by its number. */
  sql?: string;
}
interface Counts {
  rows_read?: number;
  rows_written?: number;
}
interface Pipeline {
  requests: { sql?: string; stmt?: Statement; batch?: { steps: { stmt: Statement }[] } }[];
}
interface Answer {
  results: { response?: { result?: Counts & { step_results?: (Counts | null)[] } } }[];
}

/** Reads a request to libSQL and its answer: Hrana 3, JSON over HTTP. */
export function databaseUse(request: string, answer: string): DatabaseUse {
  const { requests } = JSON.parse(request) as Pipeline;
  const { results } = JSON.parse(answer) as Answer;
  const statements = requests.flatMap(({ stmt, batch }) => stmt ?? batch?.steps.map((step) => step.stmt) ?? []);
  const texts = [...requests, ...statements].flatMap(({ sql }) => sql ?? []);
  const counts = results.flatMap(({ response }) => response?.result?.step_results ?? response?.result ?? []);
  const total = (of: (counted: Counts) => number | undefined) => {
    const numbers = counts.flatMap((counted) => (counted && of(counted)) ?? []);
    return numbers.length === 0 ? undefined : numbers.reduce((sum, each) => sum + each, 0);
  };
  return {
    statements: statements.length,
    sqlBytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    rowsRead: total(({ rows_read }) => rows_read),
    rowsWritten: total(({ rows_written }) => rows_written),
  };
}

/** What several requests cost together. */
export function sumOfUses(uses: readonly DatabaseUse[]): DatabaseUse {
  const total = (of: (use: DatabaseUse) => number | undefined) =>
    uses.some((use) => of(use) !== undefined) ? uses.reduce((sum, use) => sum + (of(use) ?? 0), 0) : undefined;
  return {
    statements: total(({ statements }) => statements) ?? 0,
    sqlBytes: total(({ sqlBytes }) => sqlBytes) ?? 0,
    rowsRead: total(({ rowsRead }) => rowsRead),
    rowsWritten: total(({ rowsWritten }) => rowsWritten),
  };
}
