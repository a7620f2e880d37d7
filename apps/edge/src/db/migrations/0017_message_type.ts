import type { Migration } from "@sandi/libsql";

/** Each message has the type of its content. */
export const messageType: Migration = {
  name: "0017_message_type",
  statements: [
    `ALTER TABLE message ADD COLUMN type TEXT NOT NULL DEFAULT 'text'`,
    `UPDATE message SET type = 'code' WHERE verification_id IS NOT NULL`,
  ],
};
