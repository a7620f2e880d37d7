export const receipts = {
  name: "0014_receipts",
  statements: [
    // The first row of each committed batch. Ids sort by time. A batch whose id is taken stores nothing.
    `CREATE TABLE write_receipt (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`,
    // Now also for a batch with a requirement that is not met.
    `DROP TABLE refusal`,
    `CREATE TABLE refusal (
      reason TEXT NOT NULL,
      CONSTRAINT caller_may_no_more CHECK (reason <> 'caller'),
      CONSTRAINT no_manager_is_left CHECK (reason <> 'manager'),
      CONSTRAINT requirement_is_not_met CHECK (reason <> 'requirement'),
      CHECK (reason IN ('caller', 'manager', 'requirement'))
    ) STRICT`,
  ],
};
