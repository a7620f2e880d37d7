export const foundation = {
  name: "0001_foundation",
  statements: [
    `CREATE TABLE workspace (
      id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE TABLE user (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), email TEXT NOT NULL,
      password_hash TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX user_email ON user(email)`,
    `CREATE TABLE api_key (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), name TEXT NOT NULL,
      hash TEXT NOT NULL, prefix TEXT NOT NULL, environment TEXT NOT NULL, scopes TEXT NOT NULL,
      expires_at INTEGER, revoked_at INTEGER, last_used_at INTEGER, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX api_key_hash ON api_key(hash)`,
    `CREATE INDEX api_key_workspace ON api_key(workspace_id)`,
    `CREATE TABLE session (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspace(id), name TEXT NOT NULL,
      state TEXT NOT NULL, reason TEXT, phone TEXT, state_seq INTEGER NOT NULL DEFAULT 0,
      desired TEXT NOT NULL, revision INTEGER NOT NULL, acked_revision INTEGER NOT NULL DEFAULT 0,
      publish_after INTEGER NOT NULL, publish_count INTEGER NOT NULL,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX session_workspace ON session(workspace_id, id)`,
    `CREATE INDEX session_unpublished ON session(publish_after) WHERE acked_revision < revision`,
    `CREATE TABLE verification (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, to_masked TEXT NOT NULL,
      purpose TEXT NOT NULL, status TEXT NOT NULL, mode TEXT NOT NULL, code_mac TEXT, sealed_code TEXT,
      attempts_left INTEGER NOT NULL, sends_left INTEGER NOT NULL, next_send_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, approved_at INTEGER, message_id TEXT NOT NULL, metadata TEXT NOT NULL,
      test INTEGER NOT NULL, last_check TEXT, void_checks TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX verification_one_pending ON verification(workspace_id, to_hash, purpose) WHERE status = 'pending'`,
    `CREATE INDEX verification_canceled ON verification(workspace_id, to_hash, purpose) WHERE status = 'canceled'`,
    `CREATE INDEX verification_lapsing ON verification(expires_at) WHERE status = 'pending'`,
    `CREATE INDEX verification_created ON verification(created_at)`,
    `CREATE TABLE destination_budget (
      workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, consecutive INTEGER NOT NULL, locked_until INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, to_hash)
    ) STRICT`,
    `CREATE TABLE message (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, session_id TEXT NOT NULL, verification_id TEXT,
      to_masked TEXT NOT NULL, template TEXT, sealed TEXT, status TEXT NOT NULL, failure TEXT,
      claimed_by TEXT, claim_until INTEGER, claim_fence INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
      publish_after INTEGER NOT NULL, publish_count INTEGER NOT NULL, expires_at INTEGER NOT NULL,
      sent_at INTEGER, delivered_at INTEGER, read_at INTEGER,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX message_verification ON message(verification_id) WHERE verification_id IS NOT NULL`,
    `CREATE INDEX message_unsent ON message(publish_after) WHERE status IN ('queued', 'sending')`,
    `CREATE INDEX message_unsent_session ON message(session_id) WHERE status IN ('queued', 'sending')`,
    `CREATE INDEX message_created_code ON message(created_at) WHERE verification_id IS NOT NULL`,
    `CREATE INDEX message_created_text ON message(created_at) WHERE verification_id IS NULL`,
    `CREATE TABLE idempotency (
      workspace_id TEXT NOT NULL, key_hash TEXT NOT NULL, fingerprint TEXT NOT NULL, resource_id TEXT NOT NULL,
      response TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, key_hash)
    ) STRICT`,
    `CREATE INDEX idempotency_created ON idempotency(created_at)`,
  ],
};
