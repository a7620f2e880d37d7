export const receipts = {
  name: "0020_receipts",
  statements: [
    // Where a message that is no code went. members: how many others were in the group then; null: it is no group.
    `ALTER TABLE ledger ADD COLUMN conversation_id TEXT`,
    `ALTER TABLE ledger ADD COLUMN members INTEGER`,
    `CREATE INDEX ledger_group ON ledger (session_id, conversation_id) WHERE members IS NOT NULL`,
    // What became of a message to a group at one member. person is the member's conversation.
    `CREATE TABLE receipt (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      person TEXT NOT NULL,
      delivered_at INTEGER,
      read_at INTEGER,
      played_at INTEGER,
      left_at INTEGER,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (session_id, wa_id, person)
    ) WITHOUT ROWID`,
    `CREATE INDEX receipt_created_at ON receipt (created_at)`,
  ],
};
