export const lookUpPause = {
  name: "0014_look_up_pause",
  statements: [
    // Until when a session may not look up numbers because WhatsApp answered with an error.
    `CREATE TABLE look_up_pause (session_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID`,
  ],
};
