/** Sender pools, and the counts by which a sender is chosen. */
export const pools = {
  name: "0005_pools",
  statements: [
    `CREATE TABLE pool (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, strategy TEXT NOT NULL, pacing TEXT NOT NULL,
      fallback TEXT NOT NULL, new_chats_per_day INTEGER, turn INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX pool_name ON pool(workspace_id, name)`,
    `INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, created_at, updated_at)
      SELECT 'pool_' || substr(w.id, 4), w.id, 'Default', 'sticky', 'normal', 'inbound',
      w.created_at, w.created_at FROM workspace w`,
    `CREATE TRIGGER workspace_pool AFTER INSERT ON workspace BEGIN
      INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, created_at, updated_at)
        SELECT 'pool_' || substr(NEW.id, 4), NEW.id, 'Default', 'sticky', 'normal', 'inbound',
        NEW.created_at, NEW.created_at;
    END`,
    `ALTER TABLE session ADD COLUMN pool_id TEXT NOT NULL DEFAULT ''`,
    `UPDATE session SET pool_id = 'pool_' || substr(workspace_id, 4)`,
    `CREATE INDEX session_pool ON session(pool_id)`,
    `ALTER TABLE session ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN turn INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN counted_from INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN new_chats INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN new_chats_from INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN sends INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN failures INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN earlier_sends INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE session ADD COLUMN earlier_failures INTEGER NOT NULL DEFAULT 0`,
    `UPDATE session SET waiting = (SELECT count(*) FROM message m
      WHERE m.session_id = session.id AND m.status IN ('queued', 'sending') AND m.test = 0)`,
    // These find messages that wait for a session that cannot send. They hold few rows.
    `CREATE INDEX session_behind ON session(waiting) WHERE state <> 'online'`,
    `CREATE INDEX session_paused ON session(paused_until) WHERE paused_until IS NOT NULL`,
    `ALTER TABLE verification ADD COLUMN pool_id TEXT`,
    `ALTER TABLE message ADD COLUMN pool_id TEXT`,
    `ALTER TABLE message ADD COLUMN to_hash TEXT NOT NULL DEFAULT ''`,
    `ALTER TABLE message ADD COLUMN tried TEXT NOT NULL DEFAULT '{}'`,
    `ALTER TABLE warm_contact ADD COLUMN wrote_at INTEGER`,
    `ALTER TABLE warm_contact ADD COLUMN reached_at INTEGER`,
    `UPDATE warm_contact SET wrote_at = last_at`,
    `CREATE TRIGGER message_taken AFTER INSERT ON message WHEN NEW.status = 'queued' AND NEW.test = 0 BEGIN
      UPDATE session SET new_chats = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats + 1 ELSE 1 END,
        new_chats_from = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats_from ELSE NEW.updated_at END
        WHERE id = NEW.session_id AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id
        AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id);
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin'
        AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id), 0)
        WHERE id = NEW.session_id;
    END`,
    `CREATE TRIGGER message_settled AFTER UPDATE OF status ON message
      WHEN OLD.status IN ('queued', 'sending') AND NOT NEW.status IN ('queued', 'sending') AND NEW.test = 0 BEGIN
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
        1800000) THEN sends ELSE 0 END + (NEW.status IN ('sent', 'delivered', 'read')), failures = CASE WHEN
        counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN failures ELSE 0 END + (NEW.status = 'failed' AND
        NEW.failure IN ('new_chats_locked', 'account_restricted', 'session_ended', 'refused')),
        earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures =
        CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from =
        max(counted_from, (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id;
    END`,
    `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message
      WHEN NEW.session_id <> OLD.session_id AND NEW.status = 'queued' AND NEW.test = 0 BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        'message.rerouted', NEW.verification_id,
        NEW.id, NEW.session_id, json_object('from', OLD.session_id, 'reason', coalesce(NEW.tried ->> ('$.' ||
        OLD.session_id), 'not_online')), NEW.updated_at WHERE true;
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
        1800000) THEN sends ELSE 0 END + (0), failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000)
        THEN failures ELSE 0 END + (NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL),
        earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures =
        CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures
        WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from =
        max(counted_from, (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id;
      UPDATE session SET new_chats = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats + 1 ELSE 1 END,
        new_chats_from = CASE WHEN new_chats_from > NEW.updated_at - 86400000 THEN new_chats_from ELSE NEW.updated_at END
        WHERE id = NEW.session_id AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id
        AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id);
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin'
        AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id), 0)
        WHERE id = NEW.session_id;
      UPDATE verification SET session_id = NEW.session_id
        WHERE id = NEW.verification_id AND message_id = NEW.id AND mode = 'push';
    END`,
    `CREATE TRIGGER message_reached AFTER UPDATE OF sent_at ON message
      WHEN OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND NEW.test = 0 AND NEW.to_hash <> '' BEGIN
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at)
        VALUES (NEW.workspace_id, NEW.to_hash, NEW.session_id, NEW.sent_at, NEW.sent_at)
        ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
        reached_at = max(coalesce(reached_at, 0), excluded.reached_at);
    END`,
    `CREATE TRIGGER verification_switched AFTER UPDATE OF mode ON verification WHEN NEW.mode <> OLD.mode BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
        SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'verification.switched', NEW.id,
        NEW.message_id, NEW.session_id, json_object('mode', NEW.mode), NEW.updated_at WHERE true;
    END`,
  ],
};
