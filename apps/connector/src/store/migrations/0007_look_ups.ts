export const lookUps = {
  name: "0007_look_ups",
  statements: [
    // How many unknown numbers a session looked up, by hours since the epoch, and how many had no account.
    `CREATE TABLE look_up (
      session_id TEXT NOT NULL,
      hour INTEGER NOT NULL,
      asked INTEGER NOT NULL,
      dead INTEGER NOT NULL,
      PRIMARY KEY (session_id, hour)
    ) WITHOUT ROWID`,
  ],
};
