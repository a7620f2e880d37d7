/**
 * The chats of live sessions, so that a chat's id leads to its session and to the hash of its number. A row whose `is_open`
 * is 0 is a person who is known from a group only.
 */
export const chats = {
  name: "0041_chats",
  statements: [
    `CREATE TABLE chat (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      session_id TEXT NOT NULL,
      to_hash TEXT,
      former_hashes TEXT NOT NULL,
      country TEXT NOT NULL,
      prefix TEXT NOT NULL,
      is_open INTEGER NOT NULL,
      last_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX chat_session ON chat (session_id)`,
    `CREATE INDEX chat_last ON chat (last_at)`,
    `CREATE TRIGGER session_chats_deleted AFTER DELETE ON session BEGIN
      DELETE FROM chat WHERE session_id = OLD.id;
    END`,
  ],
};
