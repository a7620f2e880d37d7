import type { Migration } from "@sandi/libsql";

/** A decision names the pending verification that it is about, and the verification's next transition. */
export const decisions: Migration = {
  name: "0022_decisions",
  statements: [
    `ALTER TABLE admission ADD COLUMN pending_id TEXT`,
    `ALTER TABLE admission ADD COLUMN pending_step TEXT`,
  ],
};
