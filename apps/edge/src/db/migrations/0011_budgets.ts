export const budgets = {
  name: "0011_budgets",
  statements: [
    // A pairing code puts a prompt on a phone: one row for each, kept for the longest window, a day.
    `CREATE TABLE pairing_request (
      id INTEGER PRIMARY KEY AUTOINCREMENT, workspace_id TEXT NOT NULL, session_id TEXT NOT NULL, number_hash TEXT NOT NULL,
      written_hash TEXT NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX pairing_request_session ON pairing_request(session_id, created_at)`,
    `CREATE INDEX pairing_request_workspace ON pairing_request(workspace_id, created_at)`,
    `CREATE INDEX pairing_request_number ON pairing_request(number_hash, created_at)`,
    `CREATE INDEX pairing_request_created ON pairing_request(created_at)`,
    // By these a new block rule for a country or a prefix finds queued texts. It finds codes by their verification.
    `ALTER TABLE message ADD COLUMN country TEXT NOT NULL DEFAULT ''`,
    `ALTER TABLE message ADD COLUMN prefix TEXT NOT NULL DEFAULT ''`,
    // For the sweep that deletes ended keys after a year.
    `CREATE INDEX api_key_revoked ON api_key(revoked_at) WHERE revoked_at IS NOT NULL`,
    `CREATE INDEX api_key_expiring ON api_key(expires_at) WHERE expires_at IS NOT NULL`,
    // Retention had no limit before: a workspace that chose more than the new default gets it granted in its quota.
    `UPDATE workspace SET quota = json_set(quota, '$.retentionDays', json_object('audit', policy ->> '$.retentionDays.audit'))
      WHERE policy ->> '$.retentionDays.audit' > 365`,
  ],
};
