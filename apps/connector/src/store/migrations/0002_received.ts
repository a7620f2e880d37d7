export const received = {
  name: "0002_received",
  statements: [
    // Messages from people that were reported: WhatsApp may deliver one again. wa_id is a pseudonym.
    `CREATE TABLE received (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      received_at INTEGER NOT NULL,
      PRIMARY KEY (session_id, wa_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX received_at ON received (received_at)`,
  ],
};
