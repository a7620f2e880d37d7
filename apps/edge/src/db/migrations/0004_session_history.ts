/** Triggers write each session's transitions, limits and proxy to its history. */
export const sessionHistory = {
  name: "0004_session_history",
  statements: [
    // Since when it has its state, how many attempts failed, and when the next one is.
    `ALTER TABLE session ADD COLUMN since INTEGER`,
    `UPDATE session SET since = updated_at`,
    `ALTER TABLE session ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN next_attempt_at INTEGER`,
    // What WhatsApp lets the account do; limits_at is null until WhatsApp reports it.
    `ALTER TABLE session ADD COLUMN limits_seq INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN limits_at INTEGER`,
    `ALTER TABLE session ADD COLUMN new_chats_locked_until INTEGER`,
    `ALTER TABLE session ADD COLUMN new_chats_total INTEGER`,
    `ALTER TABLE session ADD COLUMN new_chats_used INTEGER`,
    `ALTER TABLE session ADD COLUMN new_chats_reset_at INTEGER`,
    `ALTER TABLE session ADD COLUMN paused_until INTEGER`,
    // Where the proxy is (JSON); how to use it is sealed to the connector.
    `ALTER TABLE session ADD COLUMN proxy TEXT`,
    `ALTER TABLE session ADD COLUMN proxy_sealed TEXT`,
    `ALTER TABLE session ADD COLUMN proxy_seq INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN proxy_healthy INTEGER`,
    `ALTER TABLE session ADD COLUMN proxy_at INTEGER`,
    `CREATE INDEX event_session ON event(workspace_id, session_id, id) WHERE verification_id IS NULL AND message_id IS NULL`,
    `CREATE TRIGGER session_created AFTER INSERT ON session WHEN NEW.desired <> 'deleted' BEGIN
      INSERT INTO event (id, workspace_id, type, session_id, data, at)
        SELECT 'evt_' || printf('%012x%06x', NEW.created_at, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215)
        || lower(hex(randomblob(4))),
        NEW.workspace_id, 'session.state', NEW.id, json_object('state', NEW.state, 'reason', NEW.reason, 'attempts',
        NEW.attempts), NEW.created_at WHERE true;
    END`,
    `CREATE TRIGGER session_moved AFTER UPDATE OF state, reason ON session WHEN NEW.state IS NOT OLD.state OR NEW.reason
      IS NOT OLD.reason BEGIN
      INSERT INTO event (id, workspace_id, type, session_id, data, at)
        SELECT 'evt_' || printf('%012x%06x', NEW.updated_at, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215)
        || lower(hex(randomblob(4))),
        NEW.workspace_id, 'session.state', NEW.id, json_object('state', NEW.state, 'reason', NEW.reason, 'attempts',
        NEW.attempts), NEW.updated_at WHERE true;
    END`,
    // new_chats_used alone makes no event: it changes with each new chat.
    `CREATE TRIGGER session_limited AFTER UPDATE OF limits_seq ON session
      WHEN NEW.new_chats_locked_until IS NOT OLD.new_chats_locked_until OR NEW.new_chats_total IS NOT
        OLD.new_chats_total OR NEW.paused_until IS NOT OLD.paused_until BEGIN
      INSERT INTO event (id, workspace_id, type, session_id, data, at)
        SELECT 'evt_' || printf('%012x%06x', NEW.limits_at, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215) ||
        lower(hex(randomblob(4))),
        NEW.workspace_id, 'session.limits', NEW.id, json_object('newChatsLockedUntil', NEW.new_chats_locked_until,
        'total', NEW.new_chats_total,
        'used', NEW.new_chats_used, 'resetsAt', NEW.new_chats_reset_at, 'pausedUntil', NEW.paused_until), NEW.limits_at WHERE true;
    END`,
    `CREATE TRIGGER session_proxied AFTER UPDATE OF proxy_sealed, proxy_healthy ON session
      WHEN NEW.proxy_sealed IS NOT OLD.proxy_sealed OR NEW.proxy_healthy IS NOT OLD.proxy_healthy BEGIN
      INSERT INTO event (id, workspace_id, type, session_id, data, at)
        SELECT 'evt_' || printf('%012x%06x', NEW.proxy_at, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215) ||
        lower(hex(randomblob(4))),
        NEW.workspace_id, 'session.proxy', NEW.id, json_object('proxy', json(NEW.proxy), 'isHealthy',
        NEW.proxy_healthy), NEW.proxy_at WHERE true;
    END`,
  ],
};
