/**
 * Counters that only rise (`fence`, `outbox.seq`) start at the current time in milliseconds: the edge ignores older
 * values, so a new database that replaces a lost one must continue above the old one's last value.
 */
export const connector = {
  name: "0001_connector",
  statements: [
    `CREATE TABLE session (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      desired TEXT NOT NULL,
      revision INTEGER NOT NULL,
      acted_revision INTEGER NOT NULL DEFAULT 0,
      state TEXT NOT NULL DEFAULT 'stopped',
      reason TEXT,
      phone TEXT,
      state_at INTEGER NOT NULL,
      owner TEXT,
      owner_run TEXT,
      fence INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
      lease_until INTEGER NOT NULL DEFAULT 0,
      gone_at INTEGER,
      created_at INTEGER NOT NULL
    )`,
    `CREATE INDEX session_owner_run ON session (owner_run)`,
    // A session's WhatsApp login and Signal state. Each value is sealed, each key id is a pseudonym.
    `CREATE TABLE credential (
      session_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      key_id TEXT NOT NULL,
      sealed TEXT NOT NULL,
      PRIMARY KEY (session_id, kind, key_id)
    ) WITHOUT ROWID`,
    // Every accepted message. The chat is stored as pseudonyms of its jids. rank: 1 sending, 2 sent, 3 delivered, 4 read, 9 failed.
    `CREATE TABLE ledger (
      message_id TEXT PRIMARY KEY,
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      chat TEXT,
      chat_lid TEXT,
      rank INTEGER NOT NULL,
      sealed TEXT,
      sealed_until INTEGER,
      created_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX ledger_wa_id ON ledger (session_id, wa_id)`,
    `CREATE INDEX ledger_sealed_until ON ledger (sealed_until) WHERE sealed IS NOT NULL`,
    `CREATE INDEX ledger_created_at ON ledger (created_at)`,
    `CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      session_id TEXT NOT NULL,
      body TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      parked_at INTEGER
    )`,
    `INSERT INTO outbox (seq, session_id, body, created_at) VALUES (unixepoch() * 1000, '', '', 0)`,
    `DELETE FROM outbox`,
    // The jid that WhatsApp gave for a number, by the number's pseudonym. Null: the number has no account.
    `CREATE TABLE number (id TEXT PRIMARY KEY, sealed_jid TEXT, until INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  ],
};
