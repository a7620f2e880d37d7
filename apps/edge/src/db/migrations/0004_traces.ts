export const traces = {
  name: "0004_traces",
  statements: [`ALTER TABLE message ADD COLUMN traceparent TEXT`],
};
