export const sending = {
  name: "0006_sending",
  statements: [
    `CREATE TABLE sender_limits (
      session_id TEXT PRIMARY KEY,
      locked_until INTEGER,
      new_chats_total INTEGER,
      new_chats_used INTEGER,
      new_chats_reset_at INTEGER,
      paused_until INTEGER,
      trips INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    // The account's chats, by the pseudonym of a jid: when the first message reached them, and when they first wrote.
    `CREATE TABLE chat (
      session_id TEXT NOT NULL,
      person TEXT NOT NULL,
      reached_at INTEGER,
      wrote_at INTEGER,
      PRIMARY KEY (session_id, person)
    ) WITHOUT ROWID`,
    `INSERT INTO chat (session_id, person, reached_at)
      SELECT session_id, person, min(created_at) FROM (
      SELECT session_id, chat AS person, created_at FROM ledger WHERE rank BETWEEN 2 AND 8
      UNION ALL SELECT session_id, chat_lid, created_at FROM ledger WHERE rank BETWEEN 2 AND 8
    ) WHERE person IS NOT NULL GROUP BY session_id, person`,
  ],
};
