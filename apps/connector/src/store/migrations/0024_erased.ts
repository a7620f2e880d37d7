export const erased = {
  name: "0024_erased",
  statements: [
    // People who were erased, by the pseudonyms of their jids. What is older than `before` is not stored again.
    `CREATE TABLE erased (
      workspace_id TEXT NOT NULL,
      address TEXT NOT NULL,
      before INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, address)
    ) WITHOUT ROWID`,
    `CREATE INDEX message_of_conversation ON message (session_id, conversation_id)`,
    `CREATE INDEX message_of_author ON message (session_id, author) WHERE author IS NOT NULL`,
    `CREATE INDEX mark_of_person ON mark (session_id, person)`,
  ],
};
