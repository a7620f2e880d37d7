import type { Migration } from "@sandi/libsql";

/** Alert channels become endpoints with the topic `alert`; their deliveries become deliveries of any topic. */
export const outbound: Migration = {
  name: "0018_outbound",
  statements: [
    // target: sealed. label: the part of it that is shown. settings: JSON, defined by the topic.
    `CREATE TABLE endpoint (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, topic TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
      target TEXT NOT NULL, label TEXT NOT NULL, settings TEXT NOT NULL, failures_in_row INTEGER NOT NULL DEFAULT 0,
      paused_at INTEGER, paused_because TEXT, created_by TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO endpoint (id, workspace_id, topic, kind, name, target, label, settings, failures_in_row, paused_at,
        paused_because, created_by, created_at, updated_at)
      SELECT id, workspace_id, 'alert', kind, name, target, label,
        json_object('afterSeconds', after_seconds, 'mutedKinds', json(quiet)), failures_in_row, paused_at, paused_because,
        created_by, created_at, updated_at
      FROM alert_channel ORDER BY rowid`,
    // subject_id: the incident or the event; NULL for a test and a digest. digest_id: the delivery that reports it with others.
    `CREATE TABLE delivery (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, subject_id TEXT, type TEXT NOT NULL,
      times INTEGER NOT NULL DEFAULT 1, content TEXT NOT NULL DEFAULT '{}', status TEXT NOT NULL DEFAULT 'queued',
      digest_id TEXT, attempts INTEGER NOT NULL DEFAULT 0, last_status INTEGER, error TEXT,
      claim_until INTEGER NOT NULL DEFAULT 0, delivered_at INTEGER, created_at INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, type, times, content, status, digest_id, attempts,
        last_status, error, claim_until, delivered_at, created_at)
      SELECT id, workspace_id, channel_id, incident_id, CASE what WHEN 'again' THEN 'reopened' ELSE what END, times, content,
        CASE status WHEN 'folded' THEN 'in_digest' ELSE status END, digest_id, attempts, last_status, error, claim_until,
        delivered_at, created_at
      FROM alert_delivery ORDER BY rowid`,
    `UPDATE job SET kind = 'delivery' WHERE kind = 'alert'`,
    `DROP TABLE alert_channel`,
    `DROP TABLE alert_delivery`,

    `CREATE INDEX endpoint_workspace ON endpoint(workspace_id, topic, id)`,
    `CREATE INDEX endpoint_owner ON endpoint(created_by) WHERE created_by IS NOT NULL`,
    // A fact has one delivery to an endpoint, however often it is reported.
    `CREATE UNIQUE INDEX delivery_once ON delivery(endpoint_id, subject_id, type, times)`,
    `CREATE INDEX delivery_endpoint ON delivery(endpoint_id, id)`,
    `CREATE INDEX delivery_queued ON delivery(created_at) WHERE status = 'queued'`,
    `CREATE INDEX delivery_digest ON delivery(digest_id, subject_id) WHERE digest_id IS NOT NULL`,
    `CREATE TRIGGER endpoint_incident AFTER UPDATE OF paused_at ON endpoint WHEN NEW.topic = 'alert' BEGIN
      UPDATE incident SET reason = NEW.paused_because
        WHERE subject = NEW.id AND kind = 'channel_paused' AND closed_at IS NULL
        AND NEW.paused_because IN ('failures', 'key_ended') AND NEW.paused_at IS NOT NULL;
      UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = NEW.paused_at,
        changed_at = NEW.paused_at, reason = NEW.paused_because
        WHERE closed_at > NEW.paused_at - 600000 AND NEW.paused_because IN ('failures', 'key_ended')
        AND NEW.paused_at IS NOT NULL
        AND rowid = (SELECT max(rowid) FROM incident WHERE subject = NEW.id AND kind = 'channel_paused');
      INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at)
        SELECT 'inc_' || printf('%012x', NEW.paused_at) || lower(hex(randomblob(7))), NEW.workspace_id, NEW.id,
        'channel_paused', NEW.paused_because, NEW.paused_at, NEW.paused_at, NEW.paused_at
        WHERE NEW.paused_because IN ('failures', 'key_ended') AND NEW.paused_at IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM incident WHERE subject = NEW.id AND kind = 'channel_paused' AND closed_at IS NULL);
      UPDATE incident SET closed_at = max(since, NEW.updated_at), changed_at = NEW.updated_at, ending = 'recovered'
        WHERE subject = NEW.id AND closed_at IS NULL AND NEW.paused_at IS NULL AND kind = 'channel_paused';
    END`,
    `CREATE TRIGGER endpoint_deleted AFTER DELETE ON endpoint BEGIN
      DELETE FROM incident WHERE subject = OLD.id;
      DELETE FROM delivery WHERE endpoint_id = OLD.id;
    END`,
  ],
};
