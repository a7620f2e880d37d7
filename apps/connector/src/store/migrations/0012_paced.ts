export const paced = {
  name: "0012_paced",
  statements: [
    // Messages of the bulk lane count toward the daily limit.
    `ALTER TABLE ledger ADD COLUMN is_bulk INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX ledger_bulk ON ledger (session_id, created_at) WHERE is_bulk = 1`,
  ],
};
