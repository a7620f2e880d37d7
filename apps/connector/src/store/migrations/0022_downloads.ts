/**
 * The files of received messages. A row says where the file of one message is; `due_at` is when the session fetches it, and
 * null when it does not. It goes with the content of its message.
 *
 * `quiet_revision` of a session is the newest revision that changed nothing but its settings: no new connection follows it.
 */
export const downloads = {
  name: "0022_downloads",
  statements: [
    // Null: every file.
    `ALTER TABLE session ADD COLUMN media_download TEXT`,
    `ALTER TABLE session ADD COLUMN quiet_revision INTEGER NOT NULL DEFAULT 0`,
    `CREATE TABLE download (
      session_id TEXT NOT NULL,
      wa_id TEXT NOT NULL,
      state TEXT NOT NULL,
      media_id TEXT,
      attempts INTEGER NOT NULL,
      due_at INTEGER,
      PRIMARY KEY (session_id, wa_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX download_due ON download (session_id, due_at) WHERE due_at IS NOT NULL`,
    `CREATE TRIGGER message_deleted AFTER DELETE ON message BEGIN
      DELETE FROM download WHERE session_id = OLD.session_id AND wa_id = OLD.wa_id;
    END`,
    `CREATE TRIGGER message_emptied AFTER UPDATE OF sealed ON message WHEN NEW.sealed IS NULL BEGIN
      DELETE FROM download WHERE session_id = NEW.session_id AND wa_id = NEW.wa_id;
    END`,
  ],
};
