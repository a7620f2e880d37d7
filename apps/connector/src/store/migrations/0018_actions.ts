export const actions = {
  name: "0018_actions",
  statements: [
    // What the account did with messages, for devices that ask for it again. wa_id is WhatsApp's id of the action.
    `CREATE TABLE action (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      chat TEXT NOT NULL,
      sealed TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (session_id, wa_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX action_created_at ON action (created_at)`,
    // When a sent message was last edited.
    `ALTER TABLE ledger ADD COLUMN edited_at INTEGER`,
  ],
};
