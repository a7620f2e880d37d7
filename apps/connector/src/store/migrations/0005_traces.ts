export const traces = {
  name: "0005_traces",
  statements: [
    // The trace of the send. Receipts may come minutes later, or after a restart.
    `ALTER TABLE ledger ADD COLUMN traceparent TEXT`,
  ],
};
