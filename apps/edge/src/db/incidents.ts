/** An incident that begins again within this time is the same one, whether a trigger or the clock finds it. */
export const foldMs = 600_000;

const newId = (prefix: string, at: string) => `'${prefix}_' || printf('%012x', ${at}) || lower(hex(randomblob(7)))`;

interface Opening {
  kind: string;
  reason: string;
  at: string;
  when: string;
}

/** Opens an incident of the row that a trigger is for; one that is open, or was lately, is the same. */
const open = ({ kind, reason, at, when }: Opening) => `
  UPDATE incident SET reason = ${reason} WHERE subject = NEW.id AND kind = '${kind}' AND closed_at IS NULL AND (${when});
  UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = ${at}, changed_at = ${at}, reason = ${reason}
    WHERE closed_at > ${at} - ${foldMs} AND (${when}) AND rowid =
      (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = '${kind}');
  INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
    SELECT ${newId("inc", at)}, NEW.workspace_id, NEW.id, '${kind}', ${reason}, ${at}, ${at}, ${at}
    WHERE (${when}) AND NOT EXISTS
      (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = '${kind}' AND closed_at IS NULL);`;

interface Closing {
  kinds: readonly string[];
  ending: "recovered" | "superseded" | "withdrawn";
  at: string;
  when: string;
  row?: "NEW" | "OLD";
}

const close = ({ kinds, ending, at, when, row = "NEW" }: Closing) => `
  UPDATE incident SET closed_at = max(since, ${at}), changed_at = ${at}, ending = '${ending}'
    WHERE subject = ${row}.id AND closed_at IS NULL AND (${when}) AND kind IN (${kinds.map((kind) => `'${kind}'`).join(", ")});`;

const isWanted = "NEW.desired = 'running'";
const needsAction = `${isWanted} AND ((NEW.state = 'ended' AND NEW.reason IS NOT 'requested')
  OR (NEW.state = 'stopped' AND NEW.reason = 'passkey_required')
  OR (NEW.state = 'waiting' AND NEW.reason IN ('bad_session', 'untrusted_server')))`;
const isProxy = `${isWanted} AND NEW.state = 'waiting' AND NEW.reason = 'proxy_unreachable'`;
const isOffline = `${isWanted} AND NEW.state = 'waiting' AND NEW.phone IS NOT NULL
  AND NEW.reason NOT IN ('proxy_unreachable', 'bad_session', 'untrusted_server')`;

/** Until when an account is held back: what WhatsApp tells, or a year where it does not say. */
const limitedUntil = `max(coalesce(NEW.paused_until, 0), coalesce(NEW.new_chats_locked_until, 0),
  CASE WHEN NEW.new_chats_used >= NEW.new_chats_total THEN coalesce(NEW.new_chats_reset_at, NEW.limits_at + 31536000000) ELSE 0 END)`;
const limitReason = `CASE WHEN NEW.paused_until > NEW.limits_at THEN 'paused'
  WHEN NEW.new_chats_locked_until > NEW.limits_at THEN 'new_chats_locked' ELSE 'new_chats_used_up' END`;
const state = "NEW.updated_at";
const limits = "NEW.limits_at";
const proxy = "coalesce(NEW.proxy_at, NEW.updated_at)";

/** Incidents open and close in the transaction of the change that they are about, whoever makes it. */
export const incidents: readonly string[] = [
  // Secrets are sealed in `target`; `label` is what is shown of it.
  `CREATE TABLE alert_channel (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL,
    label TEXT NOT NULL, after_seconds INTEGER NOT NULL, quiet TEXT NOT NULL, failures_in_row INTEGER NOT NULL DEFAULT 0,
    paused_at INTEGER, paused_because TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX alert_channel_workspace ON alert_channel(workspace_id, id)`,
  // subject: a session's id, or a channel's. until: when it ends by itself.
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
  // content: what is told, as it was when it was to be told.
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
    ${close({ kinds: ["offline", "needs_action", "proxy_unreachable"], ending: "recovered", at: state, when: "NEW.state = 'online'" })}
    ${close({ kinds: ["offline", "proxy_unreachable"], ending: "superseded", at: state, when: needsAction })}
    ${close({ kinds: ["offline"], ending: "superseded", at: state, when: isProxy })}
    ${open({ kind: "needs_action", reason: "NEW.reason", at: state, when: needsAction })}
    ${open({ kind: "proxy_unreachable", reason: "NEW.reason", at: state, when: isProxy })}
    ${open({ kind: "offline", reason: "NEW.reason", at: state, when: isOffline })}
  END`,
  `CREATE TRIGGER session_limit_incident AFTER UPDATE OF limits_seq ON session WHEN NEW.limits_at IS NOT NULL BEGIN
    ${open({ kind: "limited", reason: limitReason, at: limits, when: `${limitedUntil} > ${limits}` })}
    UPDATE incident SET until = ${limitedUntil} WHERE subject = NEW.id AND kind = 'limited' AND closed_at IS NULL;
    ${close({ kinds: ["limited"], ending: "recovered", at: limits, when: `${limitedUntil} <= ${limits}` })}
  END`,
  `CREATE TRIGGER session_proxy_incident AFTER UPDATE OF proxy_healthy, proxy ON session
    WHEN NEW.proxy_healthy IS NOT OLD.proxy_healthy OR NEW.proxy IS NOT OLD.proxy BEGIN
    ${close({ kinds: ["proxy_unreachable"], ending: "recovered", at: proxy, when: "NEW.proxy_healthy = 1" })}
    ${close({ kinds: ["proxy_unreachable"], ending: "withdrawn", at: proxy, when: "NEW.proxy IS NULL" })}
    ${open({ kind: "proxy_unreachable", reason: "'proxy_unreachable'", at: proxy, when: `${isWanted} AND NEW.proxy_healthy = 0 AND NEW.proxy IS NOT NULL` })}
  END`,
  `CREATE TRIGGER alert_channel_incident AFTER UPDATE OF paused_at ON alert_channel BEGIN
    ${open({ kind: "channel_paused", reason: "'failures'", at: "NEW.paused_at", when: "NEW.paused_because = 'failures' AND NEW.paused_at IS NOT NULL" })}
    ${close({ kinds: ["channel_paused"], ending: "recovered", at: "NEW.updated_at", when: "NEW.paused_at IS NULL" })}
  END`,
  `CREATE TRIGGER alert_channel_gone AFTER DELETE ON alert_channel BEGIN
    DELETE FROM incident WHERE subject = OLD.id;
    DELETE FROM alert_delivery WHERE channel_id = OLD.id;
  END`,
];
