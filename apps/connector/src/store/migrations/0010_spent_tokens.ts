export const spentTokens = {
  name: "0010_spent_tokens",
  statements: [
    // The service tokens of answered calls from the edge, kept until they expire: each may be used once.
    `CREATE TABLE spent_token (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX spent_token_until ON spent_token (until)`,
  ],
};
