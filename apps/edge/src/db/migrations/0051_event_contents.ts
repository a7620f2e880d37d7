import type { Migration } from "@sandi/libsql";

/**
 * Contents of events are found by their workspace, session and person, and deleted with their event and session. When an
 * account is unlinked, its contents go as its files do. Erasures find the deliveries of an event.
 */
export const eventContents: Migration = {
  name: "0051_event_contents",
  statements: [
    `ALTER TABLE event_content ADD COLUMN session_id TEXT NOT NULL DEFAULT ''`,
    // Who wrote it; null: the account itself.
    `ALTER TABLE event_content ADD COLUMN person_id TEXT`,
    `ALTER TABLE event_content ADD COLUMN stored_at INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX event_content_workspace ON event_content (workspace_id, stored_at)`,
    `CREATE INDEX event_content_session ON event_content (session_id)`,
    `CREATE INDEX event_content_person ON event_content (person_id) WHERE person_id IS NOT NULL`,
    `CREATE INDEX delivery_event ON delivery (subject_id) WHERE event_seq IS NOT NULL`,
    `CREATE TRIGGER event_deleted AFTER DELETE ON event
      WHEN OLD.message_id IS NOT NULL AND OLD.verification_id IS NULL BEGIN
      DELETE FROM event_content WHERE event_id = OLD.id;
    END`,
    `CREATE TRIGGER session_contents_deleted AFTER DELETE ON session BEGIN
      DELETE FROM event_content WHERE session_id = OLD.id;
    END`,
    `CREATE TRIGGER session_contents_unlinked AFTER UPDATE OF phone ON session
      WHEN OLD.phone IS NOT NULL AND NEW.phone IS NULL AND NEW.reason IS NOT 'exported' BEGIN
      DELETE FROM event_content WHERE session_id = OLD.id;
    END`,
  ],
};
