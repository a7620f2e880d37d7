export const fleet = {
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
};
