import type { Migration } from "@sandi/libsql";

/** Whether a code is sent: decided by the first statement of a batch, read by those behind it, deleted by the last. */
export const admission: Migration = {
  name: "0020_admission",
  statements: [
    `CREATE TABLE admission (id TEXT PRIMARY KEY, session_id TEXT, mode TEXT, verdict TEXT) STRICT, WITHOUT ROWID`,
  ],
};
