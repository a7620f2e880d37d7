export const revocation = {
  name: "0003_revocation",
  statements: [
    // The recipient's jid, needed to revoke the message. It is kept longer than the message. rank 8: revoked.
    `ALTER TABLE ledger ADD COLUMN sealed_chat TEXT`,
    `CREATE INDEX ledger_sealed_chat ON ledger (sealed_until) WHERE sealed_chat IS NOT NULL`,
  ],
};
