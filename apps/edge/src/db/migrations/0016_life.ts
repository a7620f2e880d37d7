/**
 * The triggers of messages and verifications write the timeline and count, and nothing else: what follows from a change is
 * in the code that makes it. Their text comes from `life-triggers.ts`.
 */
export const life = {
  name: "0016_life",
  statements: [
    // A check that was answered 503 cannot be stored later: its receipt was taken.
    `ALTER TABLE verification DROP COLUMN void_checks`,
    `DROP TRIGGER workspace_pool`,
    `DROP TRIGGER revealed_code_forgotten`,
    `DROP TRIGGER verification_created`,
    `DROP TRIGGER verification_ended`,
    `DROP TRIGGER verification_missed`,
    `DROP TRIGGER verification_resent`,
    `DROP TRIGGER verification_received`,
    `DROP TRIGGER verification_switched`,
    `DROP TRIGGER verification_unreachable`,
    `DROP TRIGGER verification_known_created`,
    `DROP TRIGGER verification_known_resent`,
    `DROP TRIGGER verification_known_approved`,
    `DROP TRIGGER message_queued`,
    `DROP TRIGGER message_taken`,
    `DROP TRIGGER message_ended`,
    `DROP TRIGGER message_settled`,
    `DROP TRIGGER message_moved`,
    `DROP TRIGGER message_rerouted`,
    `DROP TRIGGER message_reached`,
    `DROP TRIGGER message_missed`,
    `DROP TRIGGER message_without_account`,
    `DROP TRIGGER session_counted_sent`,
    `DROP TRIGGER session_counted_delivered`,
    `DROP TRIGGER session_counted_failed`,

    `CREATE TRIGGER verification_created AFTER INSERT ON verification BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.created',
          NEW.id, NEW.message_id, NEW.session_id, json_object('mode', NEW.mode), NEW.created_at WHERE true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'created', (SELECT max(floor_ms) FROM
          latency_bucket WHERE floor_ms <= max(NEW.created_at - NEW.created_at, 1)), 1 WHERE true AND NEW.test = 0
          ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'known_created', 0, 1 WHERE NEW.has_known_code = 1
          AND true AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_ended AFTER UPDATE OF status ON verification WHEN NEW.status <> OLD.status BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.check_failed', NEW.id, NEW.message_id, NEW.session_id, json_object('attemptsLeft',
          NEW.attempts_left), NEW.updated_at WHERE NEW.status = 'max_attempts_reached';
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.received', NEW.id, NEW.message_id, NEW.session_id, '{}', NEW.updated_at WHERE
          OLD.received_at IS NULL AND NEW.received_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT max(floor_ms) FROM
          latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE OLD.received_at IS NULL
          AND NEW.received_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, CASE NEW.status WHEN
          'approved' THEN 'verification.approved' WHEN 'canceled' THEN 'verification.canceled' WHEN
          'max_attempts_reached' THEN 'verification.max_attempts_reached' WHEN 'blocked' THEN 'verification.blocked'
          WHEN 'expired' THEN 'verification.expired' WHEN 'undeliverable' THEN 'verification.undeliverable' END,
          NEW.id, NEW.message_id, NEW.session_id, CASE WHEN NEW.approved_by IS NULL THEN '{}' ELSE
          json_object('approvedBy', NEW.approved_by) END, NEW.updated_at WHERE true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, CASE NEW.status WHEN 'approved' THEN 'approved'
          WHEN 'canceled' THEN 'canceled' WHEN 'max_attempts_reached' THEN 'max_attempts_reached' WHEN 'blocked'
          THEN 'blocked' WHEN 'expired' THEN 'expired' WHEN 'undeliverable' THEN 'undeliverable' END, (SELECT
          max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE true
          AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'known_approved', 0, 1 WHERE NEW.has_known_code =
          1 AND NEW.status = 'approved' AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'seen:' || NEW.status, (SELECT max(floor_ms) FROM
          latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE NEW.status IN
          ('expired', 'canceled', 'max_attempts_reached', 'blocked') AND EXISTS (SELECT 1 FROM message m WHERE m.id
          = NEW.message_id AND m.failure = 'not_on_whatsapp' AND m.no_account_at < NEW.expires_at AND
          m.no_account_at <= NEW.updated_at AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = NEW.id
          AND o.id <> m.id AND o.status NOT IN ('failed', 'canceled'))) AND NEW.test = 0 ON CONFLICT DO UPDATE SET
          count = count + 1;
      UPDATE idempotency SET response = NULL, is_sealed = 0 WHERE resource_id = NEW.id AND is_sealed = 1 AND
          NEW.has_known_code = 1;
    END`,
    `CREATE TRIGGER verification_missed AFTER UPDATE OF attempts_left ON verification WHEN NEW.status =
      OLD.status AND NEW.attempts_left < OLD.attempts_left BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.check_failed', NEW.id, NEW.message_id, NEW.session_id, json_object('attemptsLeft',
          NEW.attempts_left), NEW.updated_at WHERE true;
    END`,
    `CREATE TRIGGER verification_resent AFTER UPDATE OF sends_left ON verification WHEN NEW.sends_left <
      OLD.sends_left BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.resent',
          NEW.id, NEW.message_id, NEW.session_id, json_object('sendsLeft', NEW.sends_left), NEW.updated_at WHERE
          true;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'resent', (SELECT max(floor_ms) FROM
          latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE true AND NEW.test = 0
          ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'known_resent', 0, 1 WHERE NEW.has_known_code = 1
          AND true AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_received AFTER UPDATE OF received_at ON verification WHEN OLD.received_at IS
      NULL AND NEW.received_at IS NOT NULL AND NEW.status = OLD.status BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.received', NEW.id, NEW.message_id, NEW.session_id, '{}', NEW.updated_at WHERE
          OLD.received_at IS NULL AND NEW.received_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country,
          NEW.session_id, NEW.template_id, NEW.purpose, NEW.mode, 'received', (SELECT max(floor_ms) FROM
          latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1 WHERE OLD.received_at IS NULL
          AND NEW.received_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_switched AFTER UPDATE OF mode ON verification WHEN NEW.mode <> OLD.mode BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.switched', NEW.id, NEW.message_id, NEW.session_id, json_object('mode', NEW.mode),
          NEW.updated_at WHERE true;
    END`,
    `CREATE TRIGGER message_queued AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.queued',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.created_at WHERE true;
      UPDATE session SET new_chats = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats + 1 ELSE
          1 END, new_chats_from = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats_from ELSE
          NEW.updated_at END WHERE id = NEW.session_id AND NEW.test = 0 AND NOT EXISTS (SELECT 1 FROM warm_contact w
          WHERE w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id);
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND NEW.test = 0 AND id = (SELECT pool_id
          FROM session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id =
          session.pool_id), 0) WHERE id = NEW.session_id AND NEW.test = 0;
    END`,
    `CREATE TRIGGER message_settled AFTER UPDATE OF status ON message WHEN NEW.status <> OLD.status AND NOT
      NEW.status IN ('queued', 'sending') BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, CASE NEW.status WHEN
          'failed' THEN 'message.failed' WHEN 'canceled' THEN 'message.canceled' WHEN 'revoked' THEN
          'message.revoked' END, NEW.verification_id, NEW.id, NEW.session_id, CASE WHEN NEW.failure IS NULL THEN
          '{}' ELSE json_object('reason', NEW.failure) END, NEW.updated_at WHERE NEW.status IN ('failed',
          'canceled', 'revoked');
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
          'verification.undeliverable', v.id, NEW.id, NEW.session_id, json_object('reason', NEW.failure),
          NEW.updated_at FROM verification v WHERE v.id = NEW.verification_id AND NEW.status = 'failed' AND
          NEW.failure = 'not_on_whatsapp' AND v.message_id = NEW.id AND v.status = 'pending' AND v.expires_at >
          NEW.updated_at AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <> NEW.id
          AND o.status NOT IN ('failed', 'canceled'));
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT
          NEW.workspace_id, NEW.session_id, NEW.failure, NEW.updated_at / 600000 * 600000, 1, NEW.updated_at WHERE
          NEW.status = 'failed' AND NEW.failure IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count
          + 1, last_at = max(last_at, excluded.last_at);
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at /
          1800000 * 1800000) THEN sends ELSE 0 END + (NEW.status IN ('sent', 'delivered', 'read') OR NEW.status =
          'failed' AND NEW.failure = 'not_on_whatsapp'), failures = CASE WHEN counted_from >= (NEW.updated_at /
          1800000 * 1800000) THEN failures ELSE 0 END + (NEW.status = 'failed' AND NEW.failure IN
          ('new_chats_locked', 'account_restricted', 'session_ended', 'refused')), earlier_sends = CASE WHEN
          counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends WHEN counted_from >=
          (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures = CASE WHEN
          counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures WHEN counted_from >=
          (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from = max(counted_from,
          (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id AND OLD.status IN ('queued', 'sending')
          AND NEW.test = 0;
    END`,
    `CREATE TRIGGER message_moved AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.sent_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.sent',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at
          IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'sent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.sent_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND
          OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND v.progress & 1 = 0 AND v.test = 0 ON CONFLICT DO
          UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 1 WHERE id = NEW.verification_id AND OLD.sent_at IS NULL AND
          NEW.sent_at IS NOT NULL AND progress & 1 = 0;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.delivered_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.delivered',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.delivered_at WHERE OLD.delivered_at IS NULL AND
          NEW.delivered_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'delivered', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.delivered_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND
          OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL AND v.progress & 2 = 0 AND v.test = 0 ON
          CONFLICT DO UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 2 WHERE id = NEW.verification_id AND OLD.delivered_at IS NULL
          AND NEW.delivered_at IS NOT NULL AND progress & 2 = 0;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.read_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.read',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.read_at WHERE OLD.read_at IS NULL AND NEW.read_at
          IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'read', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.read_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND
          OLD.read_at IS NULL AND NEW.read_at IS NOT NULL AND v.progress & 4 = 0 AND v.test = 0 ON CONFLICT DO
          UPDATE SET count = count + 1;
      UPDATE verification SET progress = progress | 4 WHERE id = NEW.verification_id AND OLD.read_at IS NULL AND
          NEW.read_at IS NOT NULL AND progress & 4 = 0;
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT
          NEW.workspace_id, NEW.session_id, 'sent', NEW.sent_at / 600000 * 600000, 1, NEW.sent_at WHERE OLD.sent_at
          IS NULL AND NEW.sent_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1, last_at
          = max(last_at, excluded.last_at);
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT
          NEW.workspace_id, NEW.session_id, 'delivered', NEW.delivered_at / 600000 * 600000, 1, NEW.delivered_at
          WHERE OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET
          count = count + 1, last_at = max(last_at, excluded.last_at);
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at) SELECT NEW.workspace_id,
          NEW.to_hash, NEW.session_id, NEW.sent_at, NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at IS NOT
          NULL AND NEW.test = 0 AND NEW.to_hash <> '' AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id =
          NEW.session_id AND s.linked_at > NEW.sent_at) ON CONFLICT DO UPDATE SET last_at = max(last_at,
          excluded.last_at), reached_at = max(coalesce(reached_at, 0), excluded.reached_at);
    END`,
    `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message WHEN NEW.session_id <> OLD.session_id
      AND NEW.status = 'queued' AND NEW.test = 0 BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_'
          || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.rerouted',
          NEW.verification_id, NEW.id, NEW.session_id, json_object('from', OLD.session_id, 'reason',
          coalesce(NEW.tried ->> ('$.' || OLD.session_id), 'not_online')), NEW.updated_at WHERE true;
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at /
          1800000 * 1800000) THEN sends ELSE 0 END + (0), failures = CASE WHEN counted_from >= (NEW.updated_at /
          1800000 * 1800000) THEN failures ELSE 0 END + (NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL),
          earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends WHEN
          counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures =
          CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures WHEN counted_from >=
          (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from = max(counted_from,
          (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id;
      UPDATE session SET new_chats = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats + 1 ELSE
          1 END, new_chats_from = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats_from ELSE
          NEW.updated_at END WHERE id = NEW.session_id AND true AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE
          w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id);
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND true AND id = (SELECT pool_id FROM
          session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id =
          session.pool_id), 0) WHERE id = NEW.session_id AND true;
    END`,
    `CREATE TRIGGER message_without_account AFTER UPDATE OF no_account_at ON message WHEN OLD.no_account_at IS
      NULL AND NEW.no_account_at IS NOT NULL BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'unseen:sent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms
          <= max(NEW.no_account_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND
          v.progress & 1 = 0 AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <>
          NEW.id AND o.no_account_at IS NOT NULL) AND v.test = 0 ON CONFLICT DO UPDATE SET count = count + 1;
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at) SELECT NEW.workspace_id,
          NEW.to_hash, NEW.session_id, NEW.no_account_at, NEW.no_account_at WHERE true AND NEW.test = 0 AND
          NEW.to_hash <> '' AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = NEW.session_id AND s.linked_at >
          NEW.no_account_at) ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), reached_at =
          max(coalesce(reached_at, 0), excluded.reached_at);
    END`,

    // Pending inbound verifications of the former account are ended by the code that links another one.
    `DROP TRIGGER session_account`,
    `CREATE TRIGGER session_account AFTER UPDATE OF account ON session WHEN NEW.account IS NOT OLD.account BEGIN
      DELETE FROM warm_contact WHERE workspace_id = NEW.workspace_id AND session_id = NEW.id;
      DELETE FROM session_figure WHERE workspace_id = NEW.workspace_id AND session_id = NEW.id;
      UPDATE session SET new_chats = waiting, new_chats_from = NEW.linked_at,
        counted_from = 0, sends = 0, failures = 0, earlier_sends = 0, earlier_failures = 0,
        limits_at = NULL, new_chats_locked_until = NULL, new_chats_total = NULL, new_chats_used = NULL,
        new_chats_reset_at = NULL, paused_until = NULL WHERE id = NEW.id;
      UPDATE incident SET closed_at = max(since, NEW.linked_at), changed_at = NEW.linked_at, ending = 'withdrawn'
        WHERE subject = NEW.id AND kind = 'limited' AND closed_at IS NULL;
    END`,
  ],
};
