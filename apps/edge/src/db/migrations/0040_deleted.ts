/** When the account deleted a message for itself alone; null: it did not. */
export const deleted = {
  name: "0040_deleted",
  statements: [`ALTER TABLE message ADD COLUMN deleted_at INTEGER`],
};
