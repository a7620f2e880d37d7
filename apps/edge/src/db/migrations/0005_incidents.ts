/** Incidents open and close in the transaction of the change that causes them. */
export const incidents = {
  name: "0005_incidents",
  statements: [
    // `target` is sealed. `label` is the part that is shown.
    `CREATE TABLE alert_channel (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL,
      label TEXT NOT NULL, after_seconds INTEGER NOT NULL, quiet TEXT NOT NULL, failures_in_row INTEGER NOT NULL DEFAULT 0,
      paused_at INTEGER, paused_because TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX alert_channel_workspace ON alert_channel(workspace_id, id)`,
    // subject: a session id or a channel id. until: when the incident ends by itself.
    `CREATE TABLE incident (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT,
      opened_at INTEGER NOT NULL, since INTEGER NOT NULL, closed_at INTEGER, ending TEXT, until INTEGER,
      times INTEGER NOT NULL DEFAULT 1, changed_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX incident_open ON incident(subject, kind) WHERE closed_at IS NULL`,
    `CREATE INDEX incident_subject ON incident(subject, kind)`,
    `CREATE INDEX incident_workspace ON incident(workspace_id, id)`,
    `CREATE INDEX incident_changed ON incident(changed_at)`,
    `CREATE INDEX incident_until ON incident(until) WHERE closed_at IS NULL AND until IS NOT NULL`,
    // content: the text as it was when the delivery was created.
    `CREATE TABLE alert_delivery (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, channel_id TEXT NOT NULL, incident_id TEXT, what TEXT NOT NULL,
      times INTEGER NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'queued', attempts INTEGER NOT NULL DEFAULT 0,
      last_status INTEGER, error TEXT, claim_until INTEGER NOT NULL DEFAULT 0, publish_after INTEGER NOT NULL,
      publish_count INTEGER NOT NULL DEFAULT 1, delivered_at INTEGER, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX alert_delivery_once ON alert_delivery(channel_id, incident_id, what, times)`,
    `CREATE INDEX alert_delivery_channel ON alert_delivery(channel_id, id)`,
    `CREATE INDEX alert_delivery_waiting ON alert_delivery(publish_after) WHERE status = 'queued'`,
    `CREATE TRIGGER session_incident AFTER UPDATE OF state, reason ON session
      WHEN NEW.state IS NOT OLD.state OR NEW.reason IS NOT OLD.reason BEGIN
      UPDATE incident SET closed_at = max(since, NEW.updated_at), changed_at = NEW.updated_at, ending = 'recovered'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.state = 'online') AND kind IN ('offline', 'needs_action',
        'proxy_unreachable');
      UPDATE incident SET closed_at = max(since, NEW.updated_at), changed_at = NEW.updated_at, ending = 'superseded'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.desired = 'running' AND ((NEW.state = 'ended' AND
        NEW.reason IS NOT 'requested')
        OR (NEW.state = 'stopped' AND NEW.reason = 'passkey_required')
        OR (NEW.state = 'waiting' AND NEW.reason IN ('bad_session', 'untrusted_server')))) AND kind IN ('offline', 'proxy_unreachable');
      UPDATE incident SET closed_at = max(since, NEW.updated_at), changed_at = NEW.updated_at, ending = 'superseded'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.desired = 'running' AND NEW.state = 'waiting' AND
        NEW.reason = 'proxy_unreachable') AND kind IN ('offline');
      UPDATE incident SET reason = NEW.reason WHERE subject = NEW.id AND kind = 'needs_action' AND closed_at IS NULL AND
        (NEW.desired = 'running' AND ((NEW.state = 'ended' AND NEW.reason IS NOT 'requested')
        OR (NEW.state = 'stopped' AND NEW.reason = 'passkey_required')
        OR (NEW.state = 'waiting' AND NEW.reason IN ('bad_session', 'untrusted_server'))));
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.updated_at, changed_at =
        NEW.updated_at, reason = NEW.reason
        WHERE closed_at > NEW.updated_at - 600000 AND (NEW.desired = 'running' AND ((NEW.state = 'ended' AND NEW.reason
        IS NOT 'requested')
        OR (NEW.state = 'stopped' AND NEW.reason = 'passkey_required')
        OR (NEW.state = 'waiting' AND NEW.reason IN ('bad_session', 'untrusted_server')))) AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'needs_action');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'needs_action', NEW.reason, NEW.updated_at, NEW.updated_at, NEW.updated_at
        WHERE (NEW.desired = 'running' AND ((NEW.state = 'ended' AND NEW.reason IS NOT 'requested')
        OR (NEW.state = 'stopped' AND NEW.reason = 'passkey_required')
        OR (NEW.state = 'waiting' AND NEW.reason IN ('bad_session', 'untrusted_server')))) AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'needs_action' AND closed_at IS NULL);
      UPDATE incident SET reason = NEW.reason WHERE subject = NEW.id AND kind = 'proxy_unreachable' AND closed_at IS
        NULL AND (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.reason = 'proxy_unreachable');
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.updated_at, changed_at =
        NEW.updated_at, reason = NEW.reason
        WHERE closed_at > NEW.updated_at - 600000 AND (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.reason
        = 'proxy_unreachable') AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'proxy_unreachable');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'proxy_unreachable', NEW.reason, NEW.updated_at, NEW.updated_at, NEW.updated_at
        WHERE (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.reason = 'proxy_unreachable') AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'proxy_unreachable' AND closed_at IS NULL);
      UPDATE incident SET reason = NEW.reason WHERE subject = NEW.id AND kind = 'offline' AND closed_at IS NULL AND
        (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.phone IS NOT NULL
        AND NEW.reason NOT IN ('proxy_unreachable', 'bad_session', 'untrusted_server'));
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.updated_at, changed_at =
        NEW.updated_at, reason = NEW.reason
        WHERE closed_at > NEW.updated_at - 600000 AND (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.phone IS NOT NULL
        AND NEW.reason NOT IN ('proxy_unreachable', 'bad_session', 'untrusted_server')) AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'offline');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'offline', NEW.reason, NEW.updated_at, NEW.updated_at, NEW.updated_at
        WHERE (NEW.desired = 'running' AND NEW.state = 'waiting' AND NEW.phone IS NOT NULL
        AND NEW.reason NOT IN ('proxy_unreachable', 'bad_session', 'untrusted_server')) AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'offline' AND closed_at IS NULL);
    END`,
    `CREATE TRIGGER session_limit_incident AFTER UPDATE OF limits_seq ON session WHEN NEW.limits_at IS NOT NULL BEGIN
      UPDATE incident SET reason = CASE WHEN NEW.paused_until > NEW.limits_at THEN 'paused'
        WHEN NEW.new_chats_locked_until > NEW.limits_at THEN 'new_chats_locked' ELSE 'new_chats_used_up' END WHERE
        subject = NEW.id AND kind = 'limited' AND closed_at IS NULL AND (max(coalesce(NEW.paused_until, 0),
        coalesce(NEW.new_chats_locked_until, 0),
        CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at +
        31536000000) ELSE 0 END) > NEW.limits_at);
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.limits_at, changed_at =
        NEW.limits_at, reason = CASE WHEN NEW.paused_until > NEW.limits_at THEN 'paused'
        WHEN NEW.new_chats_locked_until > NEW.limits_at THEN 'new_chats_locked' ELSE 'new_chats_used_up' END
        WHERE closed_at > NEW.limits_at - 600000 AND (max(coalesce(NEW.paused_until, 0), coalesce(NEW.new_chats_locked_until, 0),
        CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at +
        31536000000) ELSE 0 END) > NEW.limits_at) AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'limited');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.limits_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'limited', CASE WHEN NEW.paused_until > NEW.limits_at THEN 'paused'
        WHEN NEW.new_chats_locked_until > NEW.limits_at THEN 'new_chats_locked' ELSE 'new_chats_used_up' END,
        NEW.limits_at, NEW.limits_at, NEW.limits_at
        WHERE (max(coalesce(NEW.paused_until, 0), coalesce(NEW.new_chats_locked_until, 0),
        CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at +
        31536000000) ELSE 0 END) > NEW.limits_at) AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'limited' AND closed_at IS NULL);
      UPDATE incident SET until = max(coalesce(NEW.paused_until, 0), coalesce(NEW.new_chats_locked_until, 0),
        CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at +
        31536000000) ELSE 0 END) WHERE subject = NEW.id AND kind = 'limited' AND closed_at IS NULL;
      UPDATE incident SET closed_at = max(since, NEW.limits_at), changed_at = NEW.limits_at, ending = 'recovered'
        WHERE subject = NEW.id AND closed_at IS NULL AND (max(coalesce(NEW.paused_until, 0), coalesce(NEW.new_chats_locked_until, 0),
        CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at +
        31536000000) ELSE 0 END) <= NEW.limits_at) AND kind IN ('limited');
    END`,
    `CREATE TRIGGER session_proxy_incident AFTER UPDATE OF proxy_healthy, proxy ON session
      WHEN NEW.proxy_healthy IS NOT OLD.proxy_healthy OR NEW.proxy IS NOT OLD.proxy BEGIN
      UPDATE incident SET closed_at = max(since, coalesce(NEW.proxy_at, NEW.updated_at)), changed_at =
        coalesce(NEW.proxy_at, NEW.updated_at), ending = 'recovered'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.proxy_healthy = 1) AND kind IN ('proxy_unreachable');
      UPDATE incident SET closed_at = max(since, coalesce(NEW.proxy_at, NEW.updated_at)), changed_at =
        coalesce(NEW.proxy_at, NEW.updated_at), ending = 'withdrawn'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.proxy IS NULL) AND kind IN ('proxy_unreachable');
      UPDATE incident SET reason = 'proxy_unreachable' WHERE subject = NEW.id AND kind = 'proxy_unreachable' AND
        closed_at IS NULL AND (NEW.desired = 'running' AND NEW.proxy_healthy = 0 AND NEW.proxy IS NOT NULL);
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = coalesce(NEW.proxy_at,
        NEW.updated_at), changed_at = coalesce(NEW.proxy_at, NEW.updated_at), reason = 'proxy_unreachable'
        WHERE closed_at > coalesce(NEW.proxy_at, NEW.updated_at) - 600000 AND (NEW.desired = 'running' AND
        NEW.proxy_healthy = 0 AND NEW.proxy IS NOT NULL) AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'proxy_unreachable');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', coalesce(NEW.proxy_at, NEW.updated_at)) || lower(hex(randomblob(7))),
        NEW.workspace_id, NEW.id, 'proxy_unreachable', 'proxy_unreachable', coalesce(NEW.proxy_at, NEW.updated_at),
        coalesce(NEW.proxy_at, NEW.updated_at), coalesce(NEW.proxy_at, NEW.updated_at)
        WHERE (NEW.desired = 'running' AND NEW.proxy_healthy = 0 AND NEW.proxy IS NOT NULL) AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'proxy_unreachable' AND closed_at IS NULL);
    END`,
    `CREATE TRIGGER alert_channel_incident AFTER UPDATE OF paused_at ON alert_channel BEGIN
      UPDATE incident SET reason = 'failures' WHERE subject = NEW.id AND kind = 'channel_paused' AND closed_at IS NULL
        AND (NEW.paused_because = 'failures' AND NEW.paused_at IS NOT NULL);
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.paused_at, changed_at =
        NEW.paused_at, reason = 'failures'
        WHERE closed_at > NEW.paused_at - 600000 AND (NEW.paused_because = 'failures' AND NEW.paused_at IS NOT NULL) AND rowid =
        (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'channel_paused');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.paused_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'channel_paused', 'failures', NEW.paused_at, NEW.paused_at, NEW.paused_at
        WHERE (NEW.paused_because = 'failures' AND NEW.paused_at IS NOT NULL) AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'channel_paused' AND closed_at IS NULL);
      UPDATE incident SET closed_at = max(since, NEW.updated_at), changed_at = NEW.updated_at, ending = 'recovered'
        WHERE subject = NEW.id AND closed_at IS NULL AND (NEW.paused_at IS NULL) AND kind IN ('channel_paused');
    END`,
    `CREATE TRIGGER alert_channel_gone AFTER DELETE ON alert_channel BEGIN
      DELETE FROM incident WHERE subject = OLD.id;
      DELETE FROM alert_delivery WHERE channel_id = OLD.id;
    END`,
  ],
};
