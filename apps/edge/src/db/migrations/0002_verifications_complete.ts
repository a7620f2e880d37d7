/** Policies, limits, templates, rules and the timeline, whose events and hourly counts triggers write. */
export const verificationsComplete = {
  name: "0002_verifications_complete",
  statements: [
    `ALTER TABLE workspace ADD COLUMN policy TEXT NOT NULL DEFAULT '{}'`,
    `ALTER TABLE workspace ADD COLUMN quota TEXT NOT NULL DEFAULT '{}'`,
    `ALTER TABLE api_key ADD COLUMN ip_allow_list TEXT NOT NULL DEFAULT '[]'`,
    `ALTER TABLE api_key ADD COLUMN replaced_by TEXT`,
    `ALTER TABLE message ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE message ADD COLUMN revoke_until INTEGER`,
    `ALTER TABLE message ADD COLUMN sandbox_steps TEXT`,
    // Ids sort by time: old rows are found by workspace and id.
    `DROP INDEX message_created_code`,
    `DROP INDEX message_created_text`,
    `CREATE INDEX message_code ON message(workspace_id, id) WHERE verification_id IS NOT NULL`,
    `CREATE INDEX message_text ON message(workspace_id, id) WHERE verification_id IS NULL`,
    `CREATE INDEX message_lapsing ON message(expires_at) WHERE status IN ('queued', 'sending')`,
    `CREATE INDEX message_revoking ON message(publish_after) WHERE revoke_until IS NOT NULL`,
    `CREATE INDEX message_rehearsing ON message(workspace_id) WHERE sandbox_steps IS NOT NULL`,
    // A verification that waits for the user's message sends none itself: message_id may be NULL from here on.
    `ALTER TABLE verification RENAME TO verification_before`,
    `CREATE TABLE verification (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, global_hash TEXT NOT NULL,
      to_masked TEXT NOT NULL, country TEXT NOT NULL, prefix TEXT NOT NULL, purpose TEXT NOT NULL, status TEXT NOT NULL,
        mode TEXT NOT NULL,
      session_id TEXT NOT NULL, template_id TEXT NOT NULL, locale TEXT NOT NULL, text TEXT NOT NULL, renewed_by TEXT NOT NULL,
      code_mac TEXT, sealed_code TEXT, code_length INTEGER NOT NULL,
      attempts_left INTEGER NOT NULL, sends_left INTEGER NOT NULL, next_send_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, approved_at INTEGER, approved_by TEXT, message_id TEXT, metadata TEXT NOT NULL,
      bind TEXT, client_binding TEXT, has_known_code INTEGER NOT NULL DEFAULT 0,
      token_mac TEXT, inbound_variant TEXT, received_at INTEGER, progress INTEGER NOT NULL DEFAULT 0,
      test INTEGER NOT NULL, last_check TEXT, void_checks TEXT NOT NULL DEFAULT '',
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
      session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, code_length, attempts_left, sends_left,
        next_send_at, expires_at,
      approved_at, approved_by, message_id, metadata, test, last_check, void_checks, created_at, updated_at)
      SELECT b.id, b.workspace_id, b.to_hash, '', b.to_masked, '', '', b.purpose, b.status, b.mode,
      coalesce((SELECT session_id FROM message m WHERE m.id = b.message_id), ''), '', 'en', '', '', b.code_mac, b.sealed_code, 6,
      b.attempts_left, b.sends_left, b.next_send_at, b.expires_at, b.approved_at,
      CASE WHEN b.approved_at IS NULL THEN NULL ELSE 'code' END, b.message_id, b.metadata, b.test, b.last_check,
      b.void_checks, b.created_at, b.updated_at
      FROM verification_before b`,
    `DROP TABLE verification_before`,
    `CREATE UNIQUE INDEX verification_one_pending ON verification(workspace_id, to_hash, purpose) WHERE status = 'pending'`,
    `CREATE INDEX verification_workspace ON verification(workspace_id, id)`,
    `CREATE INDEX verification_to ON verification(workspace_id, to_hash, id)`,
    `CREATE INDEX verification_lapsing ON verification(expires_at) WHERE status = 'pending'`,
    `CREATE UNIQUE INDEX verification_token ON verification(token_mac) WHERE token_mac IS NOT NULL`,
    // The failures of the running hour, and how often the destination was locked in a row.
    `ALTER TABLE destination_budget ADD COLUMN failures INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE destination_budget ADD COLUMN failures_from INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE destination_budget ADD COLUMN locks INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE destination_budget ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX destination_budget_updated ON destination_budget(updated_at)`,
    // Sends to a destination in the running ten minutes, hour and day; workspace '' counts over all of them.
    `CREATE TABLE destination_send (
      workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL,
      short_from INTEGER NOT NULL, short_count INTEGER NOT NULL, hour_from INTEGER NOT NULL, hour_count INTEGER NOT NULL,
      day_from INTEGER NOT NULL, day_count INTEGER NOT NULL, PRIMARY KEY (workspace_id, to_hash)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX destination_send_day ON destination_send(day_from)`,
    `CREATE TABLE prefix_guard (
      workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, blocked_until INTEGER NOT NULL, strikes INTEGER NOT NULL,
      sends INTEGER NOT NULL, approved INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, prefix)
    ) STRICT, WITHOUT ROWID`,
    // value: hash of a number, a prefix, a country, or the first address of a range whose last is value_to.
    `CREATE TABLE access_rule (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, effect TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
      value_to TEXT NOT NULL, label TEXT NOT NULL, note TEXT, expires_at INTEGER, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX access_rule_lapsing ON access_rule(expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE UNIQUE INDEX access_rule_value ON access_rule(workspace_id, kind, value, value_to)`,
    `CREATE TABLE warm_contact (
      workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, session_id TEXT NOT NULL, last_at INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, to_hash, session_id)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX warm_contact_last ON warm_contact(last_at)`,
    `CREATE TABLE template (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT, texts TEXT NOT NULL,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX template_name ON template(workspace_id, name)`,
    `CREATE UNIQUE INDEX template_purpose ON template(workspace_id, purpose) WHERE purpose IS NOT NULL`,
    `CREATE TABLE audit (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
      detail TEXT NOT NULL, created_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX audit_workspace ON audit(workspace_id, id)`,
    `CREATE TABLE bootstrap (token_hash TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, used_at INTEGER NOT NULL) STRICT`,
    `ALTER TABLE idempotency ADD COLUMN status INTEGER`,
    // The answer holds a revealed code: it is sealed, and forgotten with the code.
    `ALTER TABLE idempotency ADD COLUMN is_sealed INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX idempotency_sealed ON idempotency(resource_id) WHERE is_sealed = 1`,
    `CREATE TRIGGER revealed_code_forgotten AFTER UPDATE OF status ON verification
      WHEN NEW.status <> 'pending' AND NEW.has_known_code = 1 BEGIN
      UPDATE idempotency SET response = NULL, is_sealed = 0 WHERE resource_id = NEW.id AND is_sealed = 1;
    END`,
    `CREATE TABLE event (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, workspace_id TEXT NOT NULL, type TEXT NOT NULL,
      verification_id TEXT, message_id TEXT, session_id TEXT, data TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX event_verification ON event(verification_id) WHERE verification_id IS NOT NULL`,
    `CREATE INDEX event_at ON event(at)`,
    // By the hour in which the verification was created, so that rates compare like with like; bucket: ms since then.
    `CREATE TABLE conversion (
      workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, hour INTEGER NOT NULL, country TEXT NOT NULL, session_id TEXT NOT NULL,
      template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL,
      count INTEGER NOT NULL,
      PRIMARY KEY (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX conversion_hour ON conversion(workspace_id, hour)`,
    `CREATE TABLE latency_bucket (floor_ms INTEGER PRIMARY KEY) STRICT`,
    `INSERT INTO latency_bucket (floor_ms) VALUES (1), (2), (3), (4), (6), (8), (11), (16), (23), (32), (45), (64), (91),
      (128), (181), (256), (362), (512), (724), (1024), (1448), (2048), (2896), (4096), (5793), (8192), (11585),
      (16384), (23170), (32768), (46341), (65536), (92682), (131072), (185364), (262144), (370728), (524288), (741455),
      (1048576), (1482910), (2097152), (2965821)`,
    `CREATE TRIGGER verification_created AFTER INSERT ON verification BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.created', NEW.id,
        NEW.message_id, NEW.session_id, json_object('mode', NEW.mode), NEW.created_at WHERE true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
        NEW.template_id, NEW.purpose, NEW.mode, 'created', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.created_at - NEW.created_at, 1)), 1
        WHERE true AND NEW.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    // The order counts. However the verification ends, a code that can no longer be used is not sent.
    `CREATE TRIGGER verification_ended AFTER UPDATE OF status ON verification WHEN NEW.status <> OLD.status BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'verification.check_failed', NEW.id,
        NEW.message_id, NEW.session_id, json_object('attemptsLeft', NEW.attempts_left), NEW.updated_at WHERE NEW.status
        = 'max_attempts_reached';
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.received', NEW.id,
        NEW.message_id, NEW.session_id, '{}', NEW.updated_at WHERE OLD.received_at IS NULL AND NEW.received_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
        NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.updated_at - NEW.created_at, 1)), 1
        WHERE OLD.received_at IS NULL AND NEW.received_at IS NOT NULL AND NEW.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.'
        || NEW.status, NEW.id,
        NEW.message_id, NEW.session_id, CASE WHEN NEW.approved_by IS NULL THEN '{}' ELSE json_object('approvedBy',
        NEW.approved_by) END, NEW.updated_at WHERE true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
        NEW.template_id, NEW.purpose, NEW.mode, NEW.status, (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.updated_at - NEW.created_at, 1)), 1
        WHERE true AND NEW.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
      UPDATE message SET status = 'canceled', sandbox_steps = NULL, updated_at = NEW.updated_at
        WHERE verification_id = NEW.id AND status = 'queued'
        AND NEW.status IN ('approved', 'canceled', 'max_attempts_reached', 'blocked');
    END`,
    `CREATE TRIGGER verification_missed AFTER UPDATE OF attempts_left ON verification
      WHEN NEW.status = OLD.status AND NEW.attempts_left < OLD.attempts_left BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'verification.check_failed', NEW.id,
        NEW.message_id, NEW.session_id, json_object('attemptsLeft', NEW.attempts_left), NEW.updated_at WHERE true;
    END`,
    `CREATE TRIGGER verification_resent AFTER UPDATE OF sends_left ON verification WHEN NEW.sends_left < OLD.sends_left BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.resent', NEW.id,
        NEW.message_id, NEW.session_id, json_object('sendsLeft', NEW.sends_left), NEW.updated_at WHERE true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
        NEW.template_id, NEW.purpose, NEW.mode, 'resent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.updated_at - NEW.created_at, 1)), 1
        WHERE true AND NEW.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_received AFTER UPDATE OF received_at ON verification
      WHEN OLD.received_at IS NULL AND NEW.received_at IS NOT NULL AND NEW.status = OLD.status BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.received', NEW.id,
        NEW.message_id, NEW.session_id, '{}', NEW.updated_at WHERE OLD.received_at IS NULL AND NEW.received_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id,
        NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.updated_at - NEW.created_at, 1)), 1
        WHERE OLD.received_at IS NULL AND NEW.received_at IS NOT NULL AND NEW.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER message_queued AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'message.queued', NEW.verification_id,
        NEW.id, NEW.session_id, '{}', NEW.created_at WHERE true;
    END`,
    `CREATE TRIGGER message_ended AFTER UPDATE OF status ON message
      WHEN NEW.status <> OLD.status AND NEW.status IN ('failed', 'canceled', 'revoked') BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.' ||
        NEW.status, NEW.verification_id,
        NEW.id, NEW.session_id, CASE WHEN NEW.failure IS NULL THEN '{}' ELSE json_object('reason', NEW.failure) END,
        NEW.updated_at WHERE true;
    END`,
    // One trigger, because triggers on the same change have no order. The first message that reaches a stage brings its
    // verification to that stage.
    `CREATE TRIGGER message_moved AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.sent_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.sent', NEW.verification_id,
        NEW.id, NEW.session_id, '{}', NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
        v.template_id, v.purpose, v.mode, 'sent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.sent_at - v.created_at, 1)), 1
        FROM verification v WHERE v.id = NEW.verification_id AND OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND
        v.progress & 1 = 0 AND v.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 1 WHERE id = NEW.verification_id AND OLD.sent_at IS NULL AND
        NEW.sent_at IS NOT NULL AND progress & 1 = 0;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.delivered_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'message.delivered', NEW.verification_id,
        NEW.id, NEW.session_id, '{}', NEW.delivered_at WHERE OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
        v.template_id, v.purpose, v.mode, 'delivered', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.delivered_at - v.created_at, 1)), 1
        FROM verification v WHERE v.id = NEW.verification_id AND OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT
        NULL AND v.progress & 2 = 0 AND v.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 2 WHERE id = NEW.verification_id AND OLD.delivered_at IS NULL AND
        NEW.delivered_at IS NOT NULL AND progress & 2 = 0;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.read_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.read', NEW.verification_id,
        NEW.id, NEW.session_id, '{}', NEW.read_at WHERE OLD.read_at IS NULL AND NEW.read_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
        v.template_id, v.purpose, v.mode, 'read', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
        max(NEW.read_at - v.created_at, 1)), 1
        FROM verification v WHERE v.id = NEW.verification_id AND OLD.read_at IS NULL AND NEW.read_at IS NOT NULL AND
        v.progress & 4 = 0 AND v.test = 0
        ON CONFLICT DO UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 4 WHERE id = NEW.verification_id AND OLD.read_at IS NULL AND
        NEW.read_at IS NOT NULL AND progress & 4 = 0;
    END`,
  ],
};
