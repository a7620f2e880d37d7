import type { InStatement } from "@libsql/client";

/** Numbers events on from the time at least: an old file that was put back must not count again what the edge knows. */
export function countOnStatements(now: Date): InStatement[] {
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
