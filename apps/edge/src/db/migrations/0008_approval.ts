export const approval = {
  name: "0008_approval",
  statements: [
    // Null: the row is kept for a day. From then on the row is deleted, with its answer, which may hold a proof.
    `ALTER TABLE idempotency ADD COLUMN expires_at INTEGER`,
    `CREATE INDEX idempotency_expiring ON idempotency(expires_at) WHERE expires_at IS NOT NULL`,
    // When WhatsApp said that the recipient has no account.
    `ALTER TABLE message ADD COLUMN no_account_at INTEGER`,
    `UPDATE message SET no_account_at = updated_at WHERE failure = 'not_on_whatsapp'`,
    // Now also notes the end of the verification, behind the failure, if no other message with its code was sent. The
    // reason in the data hides this event from keys without `lookup:read`.
    `DROP TRIGGER message_ended`,
    `CREATE TRIGGER message_ended AFTER UPDATE OF status ON message
      WHEN NEW.status <> OLD.status AND NEW.status IN ('failed', 'canceled', 'revoked') BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.' || NEW.status,
        NEW.verification_id, NEW.id, NEW.session_id,
        CASE WHEN NEW.failure IS NULL THEN '{}' ELSE json_object('reason', NEW.failure) END, NEW.updated_at;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'verification.undeliverable', v.id, NEW.id, NEW.session_id, json_object('reason', NEW.failure), NEW.updated_at
        FROM verification v WHERE v.id = NEW.verification_id AND NEW.status = 'failed' AND NEW.failure = 'not_on_whatsapp'
        AND v.message_id = NEW.id AND v.status = 'pending' AND v.expires_at > NEW.updated_at
        AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <> NEW.id
        AND o.status NOT IN ('failed', 'canceled'));
    END`,
    // Additional stages: keys without `lookup:read` see 'unseen:sent' as sent. Keys with it see 'seen:expired' as
    // undeliverable in place of expired.
    `CREATE TRIGGER message_without_account AFTER UPDATE OF no_account_at ON message
      WHEN OLD.no_account_at IS NULL AND NEW.no_account_at IS NOT NULL AND NEW.verification_id IS NOT NULL BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id, v.template_id, v.purpose,
        v.mode, 'unseen:sent',
        (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.no_account_at - v.created_at, 1)), 1
        FROM verification v WHERE v.id = NEW.verification_id AND v.test = 0 AND v.progress & 1 = 0
        AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <> NEW.id
        AND o.no_account_at IS NOT NULL)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_unreachable AFTER UPDATE OF status ON verification
      WHEN OLD.status = 'pending' AND NEW.status IN ('expired', 'canceled', 'max_attempts_reached', 'blocked') AND NEW.test = 0
      AND EXISTS (SELECT 1 FROM message m WHERE m.id = NEW.message_id AND m.failure = 'not_on_whatsapp'
      AND m.no_account_at < NEW.expires_at AND m.no_account_at <= NEW.updated_at
      AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = NEW.id AND o.id <> m.id
      AND o.status NOT IN ('failed', 'canceled'))) BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        VALUES (NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id,
        NEW.purpose, NEW.mode, 'seen:' || NEW.status,
        (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(NEW.updated_at - NEW.created_at, 1)), 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    // A number without an account counts as a send. Otherwise the score would reveal who has no account.
    `DROP TRIGGER message_settled`,
    `CREATE TRIGGER message_settled AFTER UPDATE OF status ON message
      WHEN OLD.status IN ('queued', 'sending') AND NOT NEW.status IN ('queued', 'sending') AND NEW.test = 0 BEGIN
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
        1800000) THEN sends ELSE 0 END + (NEW.status IN ('sent', 'delivered', 'read') OR NEW.status = 'failed' AND
        NEW.failure = 'not_on_whatsapp'), failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN
        failures ELSE 0 END + (NEW.status = 'failed' AND NEW.failure IN ('new_chats_locked', 'account_restricted',
        'session_ended', 'refused')),
        earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures =
        CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from =
        max(counted_from, (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id;
    END`,
  ],
};
