/** Messages that people write are rows, too. Their content stays at the connector. `direction`: null is outbound. */
export const inbound = {
  name: "0038_inbound",
  statements: [
    `ALTER TABLE message ADD COLUMN direction TEXT`,
    `ALTER TABLE message ADD COLUMN origin TEXT`,
    `ALTER TABLE message ADD COLUMN chat_id TEXT`,
    `ALTER TABLE message ADD COLUMN person_id TEXT`,
    `ALTER TABLE message ADD COLUMN from_masked TEXT`,
    `ALTER TABLE message ADD COLUMN edited_at INTEGER`,
    `ALTER TABLE message ADD COLUMN is_forwarded INTEGER`,
    `ALTER TABLE message ADD COLUMN is_view_once INTEGER`,
    `ALTER TABLE message ADD COLUMN is_offline INTEGER`,
  ],
};
