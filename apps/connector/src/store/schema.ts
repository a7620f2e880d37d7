import type { Migration } from "@sandi/libsql";

/**
 * What only rises starts at the time, in milliseconds since the epoch: the edge ignores what is older than what it knows,
 * so a database in place of a lost one must count on from where that one can have come to.
 */
const startOfCount = "unixepoch() * 1000";

/** The connector's own database. Times are milliseconds since the epoch. */
export const migrations: readonly Migration[] = [
  {
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
         fence INTEGER NOT NULL DEFAULT (${startOfCount}),
         lease_until INTEGER NOT NULL DEFAULT 0,
         gone_at INTEGER,
         created_at INTEGER NOT NULL
       )`,
      `CREATE INDEX session_owner_run ON session (owner_run)`,
      // What a session's WhatsApp login and Signal state consist of: each value sealed, each key id a pseudonym.
      `CREATE TABLE credential (
         session_id TEXT NOT NULL,
         kind TEXT NOT NULL,
         key_id TEXT NOT NULL,
         sealed TEXT NOT NULL,
         PRIMARY KEY (session_id, kind, key_id)
       ) WITHOUT ROWID`,
      // Every message that was taken on; the chat as pseudonyms of its jids. rank: 1 sending, 2 sent, 3 delivered, 4 read, 9 failed.
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
      `INSERT INTO outbox (seq, session_id, body, created_at) VALUES (${startOfCount}, '', '', 0)`,
      `DELETE FROM outbox`,
      // What WhatsApp said about a number, under its pseudonym: its jid, or null when it has no account.
      `CREATE TABLE number (id TEXT PRIMARY KEY, sealed_jid TEXT, until INTEGER NOT NULL) WITHOUT ROWID`,
      `CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
    ],
  },
  {
    name: "0002_received",
    statements: [
      // Messages that people wrote and that were told: WhatsApp may deliver one again. The id as a pseudonym.
      `CREATE TABLE received (
         session_id TEXT NOT NULL,
         wa_id TEXT NOT NULL,
         event_id TEXT NOT NULL,
         received_at INTEGER NOT NULL,
         PRIMARY KEY (session_id, wa_id)
       ) WITHOUT ROWID`,
      `CREATE INDEX received_at ON received (received_at)`,
    ],
  },
  {
    name: "0003_revocation",
    statements: [
      // The recipient's jid, for taking the message back; kept for a while longer than the message. rank 8: revoked.
      `ALTER TABLE ledger ADD COLUMN sealed_chat TEXT`,
      `CREATE INDEX ledger_sealed_chat ON ledger (sealed_until) WHERE sealed_chat IS NOT NULL`,
    ],
  },
  {
    name: "0004_fleet",
    statements: [
      // The connectors that share this database.
      `CREATE TABLE member (
         run TEXT PRIMARY KEY,
         url TEXT NOT NULL,
         capacity INTEGER NOT NULL,
         is_draining INTEGER NOT NULL,
         expires_at INTEGER NOT NULL
       ) WITHOUT ROWID`,
      `CREATE INDEX session_free ON session (lease_until) WHERE owner IS NULL AND gone_at IS NULL`,
    ],
  },
  {
    name: "0005_traces",
    statements: [
      // The sending that receipts follow from, minutes or a restart later.
      `ALTER TABLE ledger ADD COLUMN traceparent TEXT`,
    ],
  },
  {
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
      // With whom an account has a chat, by the pseudonym of a jid: since when a message got there, and since when they write.
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
  },
  {
    name: "0007_look_ups",
    statements: [
      // Unknown numbers that a session asked WhatsApp about, by hours since the epoch, and those without an account.
      `CREATE TABLE look_up (
         session_id TEXT NOT NULL,
         hour INTEGER NOT NULL,
         asked INTEGER NOT NULL,
         dead INTEGER NOT NULL,
         PRIMARY KEY (session_id, hour)
       ) WITHOUT ROWID`,
    ],
  },
  {
    name: "0008_identities",
    statements: [
      // Whose LID is which phone number, as WhatsApp's server said: both as pseudonyms, the number's jid sealed as well.
      `CREATE TABLE identity (
         lid TEXT PRIMARY KEY,
         pn TEXT NOT NULL,
         sealed_pn TEXT NOT NULL,
         learned_at INTEGER NOT NULL
       ) WITHOUT ROWID`,
      `CREATE INDEX identity_pn ON identity (pn)`,
      `CREATE INDEX identity_learned_at ON identity (learned_at)`,
    ],
  },
  { name: "0009_session_proxy", statements: [`ALTER TABLE session ADD COLUMN proxy TEXT`] },
  {
    name: "0010_spent_tokens",
    statements: [
      // The tokens of calls of the edge that were answered, while they could be used again.
      `CREATE TABLE spent_token (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID`,
      `CREATE INDEX spent_token_until ON spent_token (until)`,
    ],
  },
  {
    name: "0011_keys_of_members",
    // The ids of the keys that a connector has, the one that it seals under first.
    statements: [`ALTER TABLE member ADD COLUMN kids TEXT NOT NULL DEFAULT ''`],
  },
  {
    name: "0012_paced",
    statements: [
      // What went in the lane of bulk messages counts for the day's bound.
      `ALTER TABLE ledger ADD COLUMN is_bulk INTEGER NOT NULL DEFAULT 0`,
      `CREATE INDEX ledger_bulk ON ledger (session_id, created_at) WHERE is_bulk = 1`,
    ],
  },
  {
    name: "0013_token_age",
    statements: [
      // When a contact's privacy token was last written; null for other kinds.
      `ALTER TABLE credential ADD COLUMN written_at INTEGER`,
      `UPDATE credential SET written_at = unixepoch() * 1000 WHERE kind = 'tctoken'`,
      `CREATE INDEX credential_written_at ON credential (written_at) WHERE written_at IS NOT NULL`,
    ],
  },
  {
    name: "0014_look_up_pause",
    statements: [
      // Until when a session may not look up numbers, because WhatsApp answered with an error.
      `CREATE TABLE look_up_pause (session_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID`,
    ],
  },
  {
    name: "0015_account",
    statements: [
      // The account that is linked, or was last; sealed as the number is.
      `ALTER TABLE session ADD COLUMN account TEXT`,
      `UPDATE session SET account = phone`,
    ],
  },
];
