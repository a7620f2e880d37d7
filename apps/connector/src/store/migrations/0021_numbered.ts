export const numbered = {
  name: "0021_numbered",
  statements: [
    // The options of messages that were sent as a numbered text. chat is the pseudonym of the jid that they were sent to.
    `CREATE TABLE numbered (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      message_id TEXT NOT NULL,
      chat TEXT NOT NULL,
      sealed TEXT NOT NULL,
      sent_at INTEGER NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (session_id, wa_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX numbered_chat ON numbered (session_id, chat, sent_at)`,
    `CREATE INDEX numbered_until ON numbered (until)`,
  ],
};
