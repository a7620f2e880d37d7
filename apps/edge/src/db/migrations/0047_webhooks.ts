import type { Migration } from "@sandi/libsql";

/**
 * Webhooks and the feed of events. `event.test`: of the sandbox. `event_content`: what somebody wrote, sealed.
 * `webhook_position`: up to which event the deliveries of a workspace are stored; a workspace without endpoints has none.
 * An event that was written before this migration counts as live.
 *
 * No key can give another one a scope that it does not have itself. So in a workspace where no key has `event:read`, the keys
 * that have all older scopes get it.
 */
export const webhooks: Migration = {
  name: "0047_webhooks",
  statements: [
    `ALTER TABLE event ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX event_feed ON event (workspace_id, seq)`,
    `CREATE TABLE event_content (
      event_id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, message_id TEXT NOT NULL, sealed TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX event_content_message ON event_content (message_id)`,
    `CREATE INDEX event_content_expiry ON event_content (expires_at)`,
    `ALTER TABLE endpoint ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE endpoint ADD COLUMN is_ordered INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE endpoint ADD COLUMN from_seq INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE endpoint ADD COLUMN failing_since INTEGER`,
    `CREATE TABLE webhook_position (workspace_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `INSERT INTO webhook_position (workspace_id, seq)
      SELECT DISTINCT workspace_id, coalesce((SELECT max(seq) FROM event), 0) FROM endpoint WHERE topic = 'event'`,
    `ALTER TABLE delivery ADD COLUMN event_seq INTEGER`,
    `ALTER TABLE delivery ADD COLUMN lane TEXT`,
    `ALTER TABLE delivery ADD COLUMN failures INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE delivery ADD COLUMN next_attempt_at INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE delivery ADD COLUMN is_replay INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX delivery_lane ON delivery (endpoint_id, lane, event_seq) WHERE status = 'queued' AND lane IS NOT NULL`,
    `CREATE INDEX delivery_status ON delivery (endpoint_id, status, id)`,
    `CREATE TABLE delivery_attempt (
      delivery_id TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
      status INTEGER, error TEXT, answer TEXT, PRIMARY KEY (delivery_id, number)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE endpoint_hour (
      endpoint_id TEXT NOT NULL, hour INTEGER NOT NULL, outcome TEXT NOT NULL, bucket INTEGER NOT NULL,
      count INTEGER NOT NULL, PRIMARY KEY (endpoint_id, hour, outcome, bucket)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE replay (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, after_seq INTEGER NOT NULL,
      until_seq INTEGER NOT NULL, settings TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0, due_at INTEGER,
      created_at INTEGER NOT NULL, finished_at INTEGER
    ) STRICT`,
    `CREATE INDEX replay_due ON replay (due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX replay_endpoint ON replay (endpoint_id)`,
    `CREATE TRIGGER delivery_deleted AFTER DELETE ON delivery BEGIN
      DELETE FROM delivery_attempt WHERE delivery_id = OLD.id;
      INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count)
        SELECT 'delivery', id, workspace_id, 0, 1 FROM delivery WHERE id = (SELECT id FROM delivery
          WHERE endpoint_id = OLD.endpoint_id AND lane = OLD.lane AND status = 'queued' ORDER BY event_seq LIMIT 1)
        AND OLD.status = 'queued' AND EXISTS (SELECT 1 FROM endpoint WHERE id = OLD.endpoint_id) ON CONFLICT DO NOTHING;
    END`,
    `DROP TRIGGER endpoint_deleted`,
    `CREATE TRIGGER endpoint_deleted AFTER DELETE ON endpoint BEGIN
      DELETE FROM incident WHERE subject = OLD.id;
      DELETE FROM delivery WHERE endpoint_id = OLD.id;
      DELETE FROM endpoint_hour WHERE endpoint_id = OLD.id;
      DELETE FROM replay WHERE endpoint_id = OLD.id;
    END`,
    `DROP TRIGGER batch_finished`,
    `CREATE TRIGGER batch_finished AFTER UPDATE OF status ON batch WHEN NEW.status = 'finished' AND OLD.status <> 'finished' BEGIN
      INSERT INTO event (id, workspace_id, type, data, at, test) SELECT 'evt_' || printf('%012x', NEW.ended_at) ||
        lower(hex(randomblob(7))), NEW.workspace_id, 'batch.finished', json_object('batchId', NEW.id, 'recipients',
        NEW.recipients), NEW.ended_at, NEW.test;
    END`,
    `UPDATE api_key SET scopes = json_insert(scopes, '$[#]', 'event:read')
      WHERE environment = 'live' AND revoked_at IS NULL
      AND (SELECT count(DISTINCT value) FROM json_each(api_key.scopes) WHERE value IN ('otp:send', 'otp:check', 'otp:custom',
        'otp:reveal', 'otp:approve', 'lookup:read', 'message:send', 'message:read', 'session:manage', 'group:manage',
        'webhook:manage', 'analytics:read', 'key:manage', 'data:erase')) = 14
      AND workspace_id NOT IN (SELECT k.workspace_id FROM api_key k CROSS JOIN json_each(k.scopes) s
        WHERE s.value = 'event:read' AND k.revoked_at IS NULL)`,
    `DROP TRIGGER verification_created`,
    `CREATE TRIGGER verification_created AFTER INSERT ON verification BEGIN INSERT INTO event (id, workspace_id,
      type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x',
      NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.created', NEW.id,
      NEW.message_id, NEW.session_id, json_object('mode', NEW.mode), NEW.created_at, NEW.test WHERE true; INSERT
      INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket,
      count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
      NEW.template_id, NEW.purpose, NEW.mode, 'created', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms
      <= max(NEW.created_at - NEW.created_at, 1)), 1 WHERE true AND NEW.test = 0 ON CONFLICT DO UPDATE SET count =
      count + 1; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose,
      mode, stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000,
      NEW.country, NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'known_created', 0, 1 WHERE
      NEW.has_known_code = 1 AND true AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1; END`,
    `DROP TRIGGER verification_ended`,
    `CREATE TRIGGER verification_ended AFTER UPDATE OF status ON verification WHEN NEW.status <> OLD.status BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT
      'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
      'verification.check_failed', NEW.id, NEW.message_id, NEW.session_id, json_object('attemptsLeft',
      NEW.attempts_left), NEW.updated_at, NEW.test WHERE NEW.status = 'max_attempts_reached'; INSERT INTO event
      (id, workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' ||
      printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.received',
      NEW.id, NEW.message_id, NEW.session_id, '{}', NEW.updated_at, NEW.test WHERE OLD.received_at IS NULL AND
      NEW.received_at IS NOT NULL; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id,
      template_id, purpose, mode, stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at /
      3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT
      max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE
      OLD.received_at IS NULL AND NEW.received_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count =
      count + 1; INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at,
      test) SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, CASE
      NEW.status WHEN 'approved' THEN 'verification.approved' WHEN 'canceled' THEN 'verification.canceled' WHEN
      'max_attempts_reached' THEN 'verification.max_attempts_reached' WHEN 'blocked' THEN 'verification.blocked'
      WHEN 'expired' THEN 'verification.expired' WHEN 'undeliverable' THEN 'verification.undeliverable' END,
      NEW.id, NEW.message_id, NEW.session_id, CASE WHEN NEW.approved_by IS NULL THEN '{}' ELSE
      json_object('approvedBy', NEW.approved_by) END, NEW.updated_at, NEW.test WHERE true; INSERT INTO conversion
      (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count) SELECT
      NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
      NEW.template_id, NEW.purpose, NEW.mode, CASE NEW.status WHEN 'approved' THEN 'approved' WHEN 'canceled' THEN
      'canceled' WHEN 'max_attempts_reached' THEN 'max_attempts_reached' WHEN 'blocked' THEN 'blocked' WHEN
      'expired' THEN 'expired' WHEN 'undeliverable' THEN 'undeliverable' END, (SELECT max(floor_ms) FROM
      latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE true AND NEW.test = 0 ON
      CONFLICT DO UPDATE SET count = count + 1; INSERT INTO conversion (workspace_id, prefix, hour, country,
      session_id, template_id, purpose, mode, stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix,
      NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode,
      'known_approved', 0, 1 WHERE NEW.has_known_code = 1 AND NEW.status = 'approved' AND NEW.test = 0 ON CONFLICT
      DO UPDATE SET count = count + 1; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id,
      template_id, purpose, mode, stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at /
      3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'seen:' ||
      NEW.status, (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at,
      1)), 1 WHERE NEW.status IN ('expired', 'canceled', 'max_attempts_reached', 'blocked') AND EXISTS (SELECT 1
      FROM message m WHERE m.id = NEW.message_id AND m.failure = 'not_on_whatsapp' AND m.no_account_at <
      NEW.expires_at AND m.no_account_at <= NEW.updated_at AND NOT EXISTS (SELECT 1 FROM message o WHERE
      o.verification_id = NEW.id AND o.id <> m.id AND o.status NOT IN ('failed', 'canceled'))) AND NEW.test = 0 ON
      CONFLICT DO UPDATE SET count = count + 1; UPDATE idempotency SET response = NULL, is_sealed = 0 WHERE
      resource_id = NEW.id AND is_sealed = 1 AND NEW.has_known_code = 1; END`,
    `DROP TRIGGER verification_missed`,
    `CREATE TRIGGER verification_missed AFTER UPDATE OF attempts_left ON verification WHEN NEW.status = OLD.status
      AND NEW.attempts_left < OLD.attempts_left BEGIN INSERT INTO event (id, workspace_id, type, verification_id,
      message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, 'verification.check_failed', NEW.id, NEW.message_id,
      NEW.session_id, json_object('attemptsLeft', NEW.attempts_left), NEW.updated_at, NEW.test WHERE true; END`,
    `DROP TRIGGER verification_resent`,
    `CREATE TRIGGER verification_resent AFTER UPDATE OF sends_left ON verification WHEN NEW.sends_left <
      OLD.sends_left BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id,
      data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))),
      NEW.workspace_id, 'verification.resent', NEW.id, NEW.message_id, NEW.session_id, json_object('sendsLeft',
      NEW.sends_left), NEW.updated_at, NEW.test WHERE true; INSERT INTO conversion (workspace_id, prefix, hour,
      country, session_id, template_id, purpose, mode, stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix,
      NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode,
      'resent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at,
      1)), 1 WHERE true AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1; INSERT INTO conversion
      (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count) SELECT
      NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
      NEW.template_id, NEW.purpose, NEW.mode, 'known_resent', 0, 1 WHERE NEW.has_known_code = 1 AND true AND
      NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1; END`,
    `DROP TRIGGER verification_received`,
    `CREATE TRIGGER verification_received AFTER UPDATE OF received_at ON verification WHEN OLD.received_at IS NULL
      AND NEW.received_at IS NOT NULL AND NEW.status = OLD.status BEGIN INSERT INTO event (id, workspace_id, type,
      verification_id, message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, 'verification.received', NEW.id, NEW.message_id,
      NEW.session_id, '{}', NEW.updated_at, NEW.test WHERE OLD.received_at IS NULL AND NEW.received_at IS NOT
      NULL; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode,
      stage, bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
      NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT max(floor_ms) FROM
      latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE OLD.received_at IS NULL
      AND NEW.received_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1; END`,
    `DROP TRIGGER verification_switched`,
    `CREATE TRIGGER verification_switched AFTER UPDATE OF mode ON verification WHEN NEW.mode <> OLD.mode BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT
      'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
      'verification.switched', NEW.id, NEW.message_id, NEW.session_id, json_object('mode', NEW.mode),
      NEW.updated_at, NEW.test WHERE true; END`,
    `DROP TRIGGER message_queued`,
    `CREATE TRIGGER message_queued AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN INSERT INTO event (id,
      workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' ||
      printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.queued',
      NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.created_at, NEW.test WHERE true; UPDATE pool SET turn
      = turn + 1 WHERE strategy = 'round_robin' AND NEW.test = 0 AND id = (SELECT pool_id FROM session WHERE id =
      NEW.session_id); UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE
      pool.id = session.pool_id), 0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE
      w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN
      new_chats WHEN new_chats_from <= NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from =
      CASE WHEN new_chats_from <= NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE
      w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN
      NEW.updated_at ELSE new_chats_from END WHERE id = NEW.session_id AND NEW.test = 0; END`,
    `DROP TRIGGER message_queued_later`,
    `CREATE TRIGGER message_queued_later AFTER UPDATE OF queued_at ON message WHEN NEW.queued_at IS NOT
      OLD.queued_at AND NEW.status = 'queued' BEGIN INSERT INTO event (id, workspace_id, type, verification_id,
      message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, 'message.queued', NEW.verification_id, NEW.id, NEW.session_id,
      '{}', NEW.updated_at, NEW.test WHERE true; UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin'
      AND NEW.test = 0 AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id); UPDATE session SET
      waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id), 0),
      new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id AND
      w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats WHEN new_chats_from <=
      NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN new_chats_from <=
      NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
      NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN NEW.updated_at ELSE
      new_chats_from END WHERE id = NEW.session_id AND NEW.test = 0; END`,
    `DROP TRIGGER message_scheduled`,
    `CREATE TRIGGER message_scheduled AFTER UPDATE OF send_at ON message WHEN NEW.send_at IS NOT OLD.send_at AND
      NEW.status = 'scheduled' BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id,
      session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))),
      NEW.workspace_id, 'message.scheduled', NEW.verification_id, NEW.id, NEW.session_id, json_object('sendAt',
      strftime('%Y-%m-%dT%H:%M:%fZ', NEW.send_at / 1000.0, 'unixepoch')), NEW.updated_at, NEW.test WHERE true; END`,
    `DROP TRIGGER message_played`,
    `CREATE TRIGGER message_played AFTER UPDATE OF played_at ON message WHEN OLD.played_at IS NULL AND
      NEW.played_at IS NOT NULL BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id,
      session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.played_at) || lower(hex(randomblob(7))),
      NEW.workspace_id, 'message.played', NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.played_at,
      NEW.test WHERE true; END`,
    `DROP TRIGGER message_settled`,
    `CREATE TRIGGER message_settled AFTER UPDATE OF status ON message WHEN NEW.status <> OLD.status AND NOT
      NEW.status IN ('queued', 'sending') BEGIN INSERT INTO event (id, workspace_id, type, verification_id,
      message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.updated_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, CASE NEW.status WHEN 'failed' THEN 'message.failed' WHEN
      'canceled' THEN 'message.canceled' WHEN 'revoked' THEN 'message.revoked' END, NEW.verification_id, NEW.id,
      NEW.session_id, CASE WHEN NEW.failure IS NULL THEN '{}' ELSE json_object('reason', NEW.failure) END,
      NEW.updated_at, NEW.test WHERE NEW.status IN ('failed', 'canceled', 'revoked'); INSERT INTO event (id,
      workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' ||
      printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
      'verification.undeliverable', v.id, NEW.id, NEW.session_id, json_object('reason', NEW.failure),
      NEW.updated_at, NEW.test FROM verification v WHERE v.id = NEW.verification_id AND NEW.status = 'failed' AND
      NEW.failure = 'not_on_whatsapp' AND v.message_id = NEW.id AND v.status = 'pending' AND v.expires_at >
      NEW.updated_at AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <> NEW.id AND
      o.status NOT IN ('failed', 'canceled')); INSERT INTO session_figure (workspace_id, session_id, outcome,
      slot, count, last_at) SELECT NEW.workspace_id, NEW.session_id, NEW.failure, NEW.updated_at / 600000 *
      600000, 1, NEW.updated_at WHERE NEW.status = 'failed' AND NEW.failure IS NOT NULL AND NEW.test = 0 ON
      CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at); UPDATE session SET
      waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN
      sends ELSE 0 END + (NEW.status IN ('sent', 'delivered', 'read') OR NEW.status = 'failed' AND NEW.failure =
      'not_on_whatsapp'), failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN failures
      ELSE 0 END + (NEW.status = 'failed' AND NEW.failure IN ('new_chats_locked', 'account_restricted',
      'session_ended', 'refused')), earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000)
      THEN earlier_sends WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0
      END, earlier_failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures
      WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from =
      max(counted_from, (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id AND OLD.status IN
      ('queued', 'sending') AND NEW.test = 0; END`,
    `DROP TRIGGER message_moved`,
    `CREATE TRIGGER message_moved AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN INSERT INTO
      event (id, workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' ||
      printf('%012x', NEW.sent_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.sent',
      NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.sent_at, NEW.test WHERE OLD.sent_at IS NULL AND
      NEW.sent_at IS NOT NULL; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id,
      template_id, purpose, mode, stage, bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 *
      3600000, v.country, v.session_id, v.template_id, v.purpose, v.mode, 'sent', (SELECT max(floor_ms) FROM
      latency_bucket WHERE floor_ms <= max(NEW.sent_at - v.created_at, 1)), 1 FROM verification v WHERE v.id =
      NEW.verification_id AND OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND v.progress & 1 = 0 AND v.test =
      0 ON CONFLICT DO UPDATE SET count = count + 1; INSERT INTO event (id, workspace_id, type, verification_id,
      message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.delivered_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, 'message.delivered', NEW.verification_id, NEW.id,
      NEW.session_id, '{}', NEW.delivered_at, NEW.test WHERE OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT
      NULL; INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode,
      stage, bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country,
      v.session_id, v.template_id, v.purpose, v.mode, 'delivered', (SELECT max(floor_ms) FROM latency_bucket WHERE
      floor_ms <= max(NEW.delivered_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id
      AND OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL AND v.progress & 2 = 0 AND v.test = 0 ON
      CONFLICT DO UPDATE SET count = count + 1; INSERT INTO event (id, workspace_id, type, verification_id,
      message_id, session_id, data, at, test) SELECT 'evt_' || printf('%012x', NEW.read_at) ||
      lower(hex(randomblob(7))), NEW.workspace_id, 'message.read', NEW.verification_id, NEW.id, NEW.session_id,
      '{}', NEW.read_at, NEW.test WHERE OLD.read_at IS NULL AND NEW.read_at IS NOT NULL; INSERT INTO conversion
      (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count) SELECT
      v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id, v.template_id,
      v.purpose, v.mode, 'read', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.read_at -
      v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND OLD.read_at IS NULL AND
      NEW.read_at IS NOT NULL AND v.progress & 4 = 0 AND v.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | iif(OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL, 1, 0) |
      iif(OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL, 2, 0) | iif(OLD.read_at IS NULL AND
      NEW.read_at IS NOT NULL, 4, 0) WHERE id = NEW.verification_id AND progress | iif(OLD.sent_at IS NULL AND
      NEW.sent_at IS NOT NULL, 1, 0) | iif(OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL, 2, 0) |
      iif(OLD.read_at IS NULL AND NEW.read_at IS NOT NULL, 4, 0) <> progress; INSERT INTO session_figure
      (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id, NEW.session_id, 'sent',
      NEW.sent_at / 600000 * 600000, 1, NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND
      NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at); INSERT
      INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
      NEW.session_id, 'delivered', NEW.delivered_at / 600000 * 600000, 1, NEW.delivered_at WHERE OLD.delivered_at
      IS NULL AND NEW.delivered_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1,
      last_at = max(last_at, excluded.last_at); INSERT INTO warm_contact (workspace_id, to_hash, session_id,
      last_at, reached_at) SELECT NEW.workspace_id, NEW.to_hash, NEW.session_id, NEW.sent_at, NEW.sent_at WHERE
      OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND NEW.test = 0 AND NEW.to_hash <> '' AND NOT EXISTS
      (SELECT 1 FROM session s WHERE s.id = NEW.session_id AND s.linked_at > NEW.sent_at) ON CONFLICT DO UPDATE
      SET last_at = max(last_at, excluded.last_at), reached_at = max(coalesce(reached_at, 0),
      excluded.reached_at); END`,
    `DROP TRIGGER message_rerouted`,
    `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message WHEN NEW.session_id <> OLD.session_id
      AND NEW.status = 'queued' AND NEW.test = 0 AND OLD.status IN ('queued', 'sending') BEGIN INSERT INTO event
      (id, workspace_id, type, verification_id, message_id, session_id, data, at, test) SELECT 'evt_' ||
      printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.rerouted',
      NEW.verification_id, NEW.id, NEW.session_id, json_object('from', OLD.session_id, 'reason',
      coalesce(NEW.tried ->> ('$.' || OLD.session_id), 'not_online')), NEW.updated_at, NEW.test WHERE true; UPDATE
      session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
      1800000) THEN sends ELSE 0 END + (0), failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
      1800000) THEN failures ELSE 0 END + (NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL), earlier_sends =
      CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends WHEN counted_from >=
      (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures = CASE WHEN
      counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures WHEN counted_from >=
      (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from = max(counted_from,
      (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id; UPDATE pool SET turn = turn + 1 WHERE
      strategy = 'round_robin' AND true AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id); UPDATE
      session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id),
      0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id AND
      w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats WHEN new_chats_from <=
      NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN new_chats_from <=
      NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
      NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN NEW.updated_at ELSE
      new_chats_from END WHERE id = NEW.session_id AND true; END`,
  ],
};
