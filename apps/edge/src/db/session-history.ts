/** A fact of a session's history. The id sorts by time and, within a millisecond, by the order of the changes. */
const tell = (type: string, data: string, at: string, when = "true") => `
  INSERT INTO event (id, workspace_id, type, session_id, data, at)
  SELECT 'evt_' || printf('%012x%06x', ${at}, (SELECT coalesce(max(seq), 0) + 1 FROM event) & 16777215) || lower(hex(randomblob(4))),
    NEW.workspace_id, ${type}, NEW.id, ${data}, ${at} WHERE ${when};`;

const state = "json_object('state', NEW.state, 'reason', NEW.reason, 'attempts', NEW.attempts)";
const limits = `json_object('newChatsLockedUntil', NEW.new_chats_locked_until, 'total', NEW.new_chats_total,
  'used', NEW.new_chats_used, 'resetsAt', NEW.new_chats_reset_at, 'pausedUntil', NEW.paused_until)`;
const proxy = "json_object('proxy', json(NEW.proxy), 'isHealthy', NEW.proxy_healthy)";

const isOther = (...columns: string[]) => columns.map((name) => `NEW.${name} IS NOT OLD.${name}`).join(" OR ");

/** A session's transitions, limits and proxy are told by the database, in the transaction that changes them. */
export const sessionHistory: readonly string[] = [
  // When it came into its state, the losses before it, and the time of the next attempt.
  `ALTER TABLE session ADD COLUMN since INTEGER`,
  `UPDATE session SET since = updated_at`,
  `ALTER TABLE session ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE session ADD COLUMN next_attempt_at INTEGER`,
  // What WhatsApp lets the account do; limits_at is null until it has told.
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
    ${tell("'session.state'", state, "NEW.created_at")}
  END`,
  `CREATE TRIGGER session_moved AFTER UPDATE OF state, reason ON session WHEN ${isOther("state", "reason")} BEGIN
    ${tell("'session.state'", state, "NEW.updated_at")}
  END`,
  // Each new chat uses some of the cap: that alone is no news.
  `CREATE TRIGGER session_limited AFTER UPDATE OF limits_seq ON session
    WHEN ${isOther("new_chats_locked_until", "new_chats_total", "paused_until")} BEGIN
    ${tell("'session.limits'", limits, "NEW.limits_at")}
  END`,
  `CREATE TRIGGER session_proxied AFTER UPDATE OF proxy_sealed, proxy_healthy ON session
    WHEN ${isOther("proxy_sealed", "proxy_healthy")} BEGIN
    ${tell("'session.proxy'", proxy, "NEW.proxy_at")}
  END`,
];
