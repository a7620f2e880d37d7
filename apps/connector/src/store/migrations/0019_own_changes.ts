export const ownChanges = {
  name: "0019_own_changes",
  statements: [
    // When the account deleted the message for itself alone; null: it did not.
    `ALTER TABLE message ADD COLUMN deleted_at INTEGER`,
  ],
};
