/** Rows that belong to a session's account are deleted when another account is linked to the session. */
export const accounts = {
  name: "0012_accounts",
  statements: [
    // The account that is linked or was linked last (E.164, then masked), and since when the session has it.
    `ALTER TABLE session ADD COLUMN account TEXT`,
    `ALTER TABLE session ADD COLUMN account_masked TEXT`,
    `ALTER TABLE session ADD COLUMN linked_at INTEGER NOT NULL DEFAULT 0`,
    `UPDATE session SET account = phone, linked_at = created_at WHERE phone IS NOT NULL`,
    `CREATE INDEX warm_contact_session ON warm_contact(workspace_id, session_id)`,
    // For the new account, recipients of waiting messages are new chats. Pending inbound verifications have ended: their
    // links name the number of the former account.
    `CREATE TRIGGER session_account AFTER UPDATE OF account ON session WHEN NEW.account IS NOT OLD.account BEGIN
      DELETE FROM warm_contact WHERE workspace_id = NEW.workspace_id AND session_id = NEW.id;
      DELETE FROM session_figure WHERE workspace_id = NEW.workspace_id AND session_id = NEW.id;
      UPDATE session SET new_chats = waiting, new_chats_from = NEW.linked_at,
        counted_from = 0, sends = 0, failures = 0, earlier_sends = 0, earlier_failures = 0,
        limits_at = NULL, new_chats_locked_until = NULL, new_chats_total = NULL, new_chats_used = NULL,
        new_chats_reset_at = NULL, paused_until = NULL WHERE id = NEW.id;
      UPDATE incident SET closed_at = max(since, NEW.linked_at), changed_at = NEW.linked_at, ending = 'withdrawn'
        WHERE subject = NEW.id AND kind = 'limited' AND closed_at IS NULL;
      UPDATE verification SET status = CASE WHEN expires_at <= NEW.linked_at THEN 'expired' ELSE 'undeliverable' END,
        code_mac = NULL, sealed_code = NULL, token_mac = NULL, updated_at = max(updated_at, NEW.linked_at)
        WHERE workspace_id = NEW.workspace_id AND session_id = NEW.id AND status = 'pending' AND mode = 'inbound'
        AND received_at IS NULL AND test = 0;
    END`,
    `CREATE TRIGGER session_linked AFTER UPDATE OF phone ON session WHEN NEW.phone IS NOT OLD.phone BEGIN
      INSERT INTO event (id, workspace_id, type, session_id, data, at)
        SELECT 'evt_' || printf('%012x%06x', NEW.updated_at, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215)
        || lower(hex(randomblob(4))), NEW.workspace_id, 'session.account', NEW.id,
        json_object('number', NEW.account_masked, 'isLinked', iif(NEW.phone IS NULL, 0, 1)), NEW.updated_at
        WHERE NEW.account_masked IS NOT NULL;
    END`,
    // A message sent before `linked_at` was sent by another account.
    `DROP TRIGGER message_reached`,
    `CREATE TRIGGER message_reached AFTER UPDATE OF sent_at ON message
      WHEN OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND NEW.test = 0 AND NEW.to_hash <> ''
      AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = NEW.session_id AND s.linked_at > NEW.sent_at) BEGIN
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at)
        VALUES (NEW.workspace_id, NEW.to_hash, NEW.session_id, NEW.sent_at, NEW.sent_at)
        ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
        reached_at = max(coalesce(reached_at, 0), excluded.reached_at);
    END`,
    // A number without an account counts as reached. Otherwise a session that may open no more chats would reveal it. A
    // chat that such a number opens later is not counted: the connector knows its chats and limits.
    `CREATE TRIGGER message_missed AFTER UPDATE OF no_account_at ON message
      WHEN OLD.no_account_at IS NULL AND NEW.no_account_at IS NOT NULL AND NEW.test = 0 AND NEW.to_hash <> ''
      AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = NEW.session_id AND s.linked_at > NEW.no_account_at) BEGIN
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at)
        VALUES (NEW.workspace_id, NEW.to_hash, NEW.session_id, NEW.no_account_at, NEW.no_account_at)
        ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
        reached_at = max(coalesce(reached_at, 0), excluded.reached_at);
    END`,
  ],
};
