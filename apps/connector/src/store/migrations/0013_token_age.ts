export const tokenAge = {
  name: "0013_token_age",
  statements: [
    // When a contact's privacy token was last written; null for other kinds.
    `ALTER TABLE credential ADD COLUMN written_at INTEGER`,
    `UPDATE credential SET written_at = unixepoch() * 1000 WHERE kind = 'tctoken'`,
    `CREATE INDEX credential_written_at ON credential (written_at) WHERE written_at IS NOT NULL`,
  ],
};
