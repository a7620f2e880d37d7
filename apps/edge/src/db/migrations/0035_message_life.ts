/** Messages can be scheduled, retried and played, carry the customer's data, and are counted for their recipients. */
export const messageLife = {
  name: "0035_message_life",
  statements: [
    `ALTER TABLE message ADD COLUMN lane TEXT`,
    `ALTER TABLE message ADD COLUMN metadata TEXT`,
    `ALTER TABLE message ADD COLUMN lifetime_ms INTEGER`,
    `ALTER TABLE message ADD COLUMN send_at INTEGER`,
    `ALTER TABLE message ADD COLUMN due_at INTEGER`,
    `ALTER TABLE message ADD COLUMN queued_at INTEGER`,
    `ALTER TABLE message ADD COLUMN played_at INTEGER`,
    `CREATE INDEX message_scheduled ON message(due_at) WHERE status = 'scheduled'`,
    `CREATE INDEX message_scheduled_workspace ON message(workspace_id, due_at) WHERE status = 'scheduled'`,
    `CREATE INDEX message_retryable ON message(updated_at) WHERE status = 'failed' AND sealed IS NOT NULL`,
    `CREATE INDEX message_text_test ON message(workspace_id, id) WHERE verification_id IS NULL AND test = 1`,
    `CREATE INDEX message_text_to ON message(workspace_id, to_hash, id) WHERE verification_id IS NULL`,
    // The events of codes are not in this index.
    `CREATE INDEX event_message ON event(message_id) WHERE verification_id IS NULL AND message_id IS NOT NULL`,
    `CREATE TABLE recipient_send (
      workspace_id TEXT NOT NULL, to_hash TEXT NOT NULL, hour_from INTEGER NOT NULL, hour_count INTEGER NOT NULL,
      day_from INTEGER NOT NULL, day_count INTEGER NOT NULL, PRIMARY KEY (workspace_id, to_hash)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX recipient_send_day ON recipient_send(day_from)`,
    `DROP TRIGGER message_rerouted`,
    `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message WHEN NEW.session_id <> OLD.session_id AND
      NEW.status = 'queued' AND NEW.test = 0 AND OLD.status IN ('queued', 'sending') BEGIN INSERT INTO event (id,
      workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' || printf('%012x',
      NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.rerouted', NEW.verification_id, NEW.id,
      NEW.session_id, json_object('from', OLD.session_id, 'reason', coalesce(NEW.tried ->> ('$.' || OLD.session_id),
      'not_online')), NEW.updated_at WHERE true; UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN
      counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN sends ELSE 0 END + (0), failures = CASE WHEN
      counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN failures ELSE 0 END + (NEW.tried ->> ('$.' ||
      OLD.session_id) IS NOT NULL), earlier_sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000)
      THEN earlier_sends WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END,
      earlier_failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures WHEN
      counted_from >= (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from =
      max(counted_from, (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id; UPDATE pool SET turn = turn +
      1 WHERE strategy = 'round_robin' AND true AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id =
      session.pool_id), 0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
      NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats WHEN
      new_chats_from <= NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN
      new_chats_from <= NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
      NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN NEW.updated_at ELSE
      new_chats_from END WHERE id = NEW.session_id AND true; END`,
    `CREATE TRIGGER message_queued_later AFTER UPDATE OF queued_at ON message WHEN NEW.queued_at IS NOT OLD.queued_at
      AND NEW.status = 'queued' BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id,
      session_id, data, at) SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))),
      NEW.workspace_id, 'message.queued', NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.updated_at WHERE
      true; UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND NEW.test = 0 AND id = (SELECT pool_id
      FROM session WHERE id = NEW.session_id); UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn
      FROM pool WHERE pool.id = session.pool_id), 0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE
      w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats
      WHEN new_chats_from <= NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN
      new_chats_from <= NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
      NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN NEW.updated_at ELSE
      new_chats_from END WHERE id = NEW.session_id AND NEW.test = 0; END`,
    `CREATE TRIGGER message_scheduled AFTER UPDATE OF send_at ON message WHEN NEW.send_at IS NOT OLD.send_at AND
      NEW.status = 'scheduled' BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id,
      session_id, data, at) SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))),
      NEW.workspace_id, 'message.scheduled', NEW.verification_id, NEW.id, NEW.session_id, json_object('sendAt',
      strftime('%Y-%m-%dT%H:%M:%fZ', NEW.send_at / 1000.0, 'unixepoch')), NEW.updated_at WHERE true; END`,
    `CREATE TRIGGER message_played AFTER UPDATE OF played_at ON message WHEN OLD.played_at IS NULL AND NEW.played_at
      IS NOT NULL BEGIN INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
      SELECT 'evt_' || printf('%012x', NEW.played_at) || lower(hex(randomblob(7))), NEW.workspace_id,
      'message.played', NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.played_at WHERE true; END`,
  ],
};
