export const messages = {
  name: "0017_messages",
  statements: [
    // How long contents are kept, in milliseconds, as the edge said last; null: it has not said yet.
    `ALTER TABLE session ADD COLUMN content_ms INTEGER`,
    // One row for each person and group that an account has a chat with. The jids and names are sealed.
    `CREATE TABLE conversation (
      session_id TEXT NOT NULL,
      id TEXT NOT NULL,
      sealed TEXT NOT NULL,
      merged_into TEXT,
      PRIMARY KEY (session_id, id)
    ) WITHOUT ROWID`,
    // The pseudonym of each jid of a conversation: a person may have a phone number's and a LID's.
    `CREATE TABLE conversation_address (
      session_id TEXT NOT NULL,
      address TEXT NOT NULL,
      conversation_id TEXT NOT NULL,
      PRIMARY KEY (session_id, address)
    ) WITHOUT ROWID`,
    // Messages of chats. wa_id is a pseudonym. author is the conversation of the author, null for the account itself.
    `CREATE TABLE message (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      id TEXT NOT NULL,
      conversation_id TEXT NOT NULL,
      author TEXT,
      type TEXT NOT NULL,
      sealed TEXT,
      event_id TEXT NOT NULL,
      received_at INTEGER NOT NULL,
      edited_at INTEGER,
      revoked_at INTEGER,
      PRIMARY KEY (session_id, wa_id)
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX message_id ON message (session_id, id)`,
    `CREATE INDEX message_received_at ON message (received_at)`,
    // What one person did with a message: the latest reaction and the latest vote. wa_id is the message's.
    `CREATE TABLE mark (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      person TEXT NOT NULL,
      sealed TEXT NOT NULL,
      event_id TEXT NOT NULL,
      marked_at INTEGER NOT NULL,
      received_at INTEGER NOT NULL,
      PRIMARY KEY (session_id, wa_id, kind, person)
    ) WITHOUT ROWID`,
    `CREATE INDEX mark_received_at ON mark (received_at)`,
  ],
};
