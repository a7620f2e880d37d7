export const identities = {
  name: "0008_identities",
  statements: [
    // The phone number of each LID, as WhatsApp's server reported it: both as pseudonyms, the number's jid also sealed.
    `CREATE TABLE identity (
      lid TEXT PRIMARY KEY,
      pn TEXT NOT NULL,
      sealed_pn TEXT NOT NULL,
      learned_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX identity_pn ON identity (pn)`,
    `CREATE INDEX identity_learned_at ON identity (learned_at)`,
  ],
};
