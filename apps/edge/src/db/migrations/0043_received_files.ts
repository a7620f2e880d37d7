/** Files of received messages. They go with their session, and when its account is unlinked: so do the contents. */
export const receivedFiles = {
  name: "0043_received_files",
  statements: [
    // Which files the session fetches; null: all.
    `ALTER TABLE session ADD COLUMN media_download TEXT`,
    `CREATE TRIGGER session_files_deleted AFTER DELETE ON session BEGIN
      DELETE FROM media WHERE session_id = OLD.id AND upload_id IS NOT NULL;
    END`,
    `CREATE TRIGGER session_files_unlinked AFTER UPDATE OF phone ON session
      WHEN OLD.phone IS NOT NULL AND NEW.phone IS NULL AND NEW.reason IS NOT 'exported' BEGIN
      DELETE FROM media WHERE session_id = OLD.id AND upload_id IS NOT NULL;
    END`,
  ],
};
