export const eventContents = {
  name: "0025_event_contents",
  // What people wrote, beside the event that reports it. It can be deleted before the event is delivered.
  statements: [`ALTER TABLE outbox ADD COLUMN sealed_content TEXT`],
};
