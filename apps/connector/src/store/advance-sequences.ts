import type { InStatement } from "@libsql/client";

/** Event numbers start at the current time at least: a restored backup must not reuse numbers that the edge knows. */
export function advanceSequences(now: Date): InStatement[] {
  const at = now.getTime();
  return [
    {
      sql: `INSERT INTO outbox (seq, session_id, body, created_at) SELECT ?, '', '{}', 0
            WHERE ? > (SELECT seq FROM sqlite_sequence WHERE name = 'outbox')`,
      args: [at, at],
    },
    { sql: "DELETE FROM outbox WHERE seq = ? AND session_id = ''", args: [at] },
  ];
}
