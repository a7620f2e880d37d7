/** A message changes its session's row once, and its receipts change the verification's row once. */
export const fewerWrites = {
  name: "0032_fewer_writes",
  statements: [
    `DROP TRIGGER message_queued`,
    `CREATE TRIGGER message_queued AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' ||
          printf('%012x', NEW.created_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.queued',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.created_at WHERE true;
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND NEW.test = 0 AND id = (SELECT pool_id FROM
          session WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id =
          session.pool_id), 0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
          NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats WHEN
          new_chats_from <= NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN
          new_chats_from <= NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE
          w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN
          NEW.updated_at ELSE new_chats_from END WHERE id = NEW.session_id AND NEW.test = 0;
    END`,
    `DROP TRIGGER message_moved`,
    `CREATE TRIGGER message_moved AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' ||
          printf('%012x', NEW.sent_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.sent',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at IS
          NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'sent', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.sent_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND OLD.sent_at
          IS NULL AND NEW.sent_at IS NOT NULL AND v.progress & 1 = 0 AND v.test = 0 ON CONFLICT DO UPDATE SET count =
          count + 1;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' ||
          printf('%012x', NEW.delivered_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.delivered',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.delivered_at WHERE OLD.delivered_at IS NULL AND
          NEW.delivered_at IS NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'delivered', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.delivered_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND
          OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL AND v.progress & 2 = 0 AND v.test = 0 ON CONFLICT
          DO UPDATE SET count = count + 1;
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' ||
          printf('%012x', NEW.read_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.read',
          NEW.verification_id, NEW.id, NEW.session_id, '{}', NEW.read_at WHERE OLD.read_at IS NULL AND NEW.read_at IS
          NOT NULL;
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) SELECT v.workspace_id, v.prefix, v.created_at / 3600000 * 3600000, v.country, v.session_id,
          v.template_id, v.purpose, v.mode, 'read', (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <=
          max(NEW.read_at - v.created_at, 1)), 1 FROM verification v WHERE v.id = NEW.verification_id AND OLD.read_at
          IS NULL AND NEW.read_at IS NOT NULL AND v.progress & 4 = 0 AND v.test = 0 ON CONFLICT DO UPDATE SET count =
          count + 1;
      UPDATE verification SET progress = progress | iif(OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL, 1, 0) |
          iif(OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL, 2, 0) | iif(OLD.read_at IS NULL AND
          NEW.read_at IS NOT NULL, 4, 0) WHERE id = NEW.verification_id AND progress | iif(OLD.sent_at IS NULL AND
          NEW.sent_at IS NOT NULL, 1, 0) | iif(OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL, 2, 0) |
          iif(OLD.read_at IS NULL AND NEW.read_at IS NOT NULL, 4, 0) <> progress;
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
          NEW.session_id, 'sent', NEW.sent_at / 600000 * 600000, 1, NEW.sent_at WHERE OLD.sent_at IS NULL AND
          NEW.sent_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1, last_at =
          max(last_at, excluded.last_at);
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
          NEW.session_id, 'delivered', NEW.delivered_at / 600000 * 600000, 1, NEW.delivered_at WHERE OLD.delivered_at
          IS NULL AND NEW.delivered_at IS NOT NULL AND NEW.test = 0 ON CONFLICT DO UPDATE SET count = count + 1,
          last_at = max(last_at, excluded.last_at);
      INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at) SELECT NEW.workspace_id,
          NEW.to_hash, NEW.session_id, NEW.sent_at, NEW.sent_at WHERE OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL
          AND NEW.test = 0 AND NEW.to_hash <> '' AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = NEW.session_id
          AND s.linked_at > NEW.sent_at) ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
          reached_at = max(coalesce(reached_at, 0), excluded.reached_at);
    END`,
    `DROP TRIGGER message_rerouted`,
    `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message WHEN NEW.session_id <> OLD.session_id AND
      NEW.status = 'queued' AND NEW.test = 0 BEGIN
      INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at) SELECT 'evt_' ||
          printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id, 'message.rerouted',
          NEW.verification_id, NEW.id, NEW.session_id, json_object('from', OLD.session_id, 'reason',
          coalesce(NEW.tried ->> ('$.' || OLD.session_id), 'not_online')), NEW.updated_at WHERE true;
      UPDATE session SET waiting = max(0, waiting - 1), sends = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
          1800000) THEN sends ELSE 0 END + (0), failures = CASE WHEN counted_from >= (NEW.updated_at / 1800000 *
          1800000) THEN failures ELSE 0 END + (NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL), earlier_sends =
          CASE WHEN counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_sends WHEN counted_from >=
          (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN sends ELSE 0 END, earlier_failures = CASE WHEN
          counted_from >= (NEW.updated_at / 1800000 * 1800000) THEN earlier_failures WHEN counted_from >=
          (NEW.updated_at / 1800000 * 1800000) - 1800000 THEN failures ELSE 0 END, counted_from = max(counted_from,
          (NEW.updated_at / 1800000 * 1800000)) WHERE id = OLD.session_id;
      UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND true AND id = (SELECT pool_id FROM session
          WHERE id = NEW.session_id);
      UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id =
          session.pool_id), 0), new_chats = CASE WHEN EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id =
          NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN new_chats WHEN
          new_chats_from <= NEW.updated_at - 86400000 THEN 1 ELSE new_chats + 1 END, new_chats_from = CASE WHEN
          new_chats_from <= NEW.updated_at - 86400000 AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE
          w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id) THEN
          NEW.updated_at ELSE new_chats_from END WHERE id = NEW.session_id AND true;
    END`,
  ],
};
