/** What a key has made belongs to it, entries of the sandbox are marked, and a batch can be refused as a whole. */
export const keyOwners: readonly string[] = [
  // Null: made before keys were noted. It belongs to the workspace.
  `ALTER TABLE supabase_hook ADD COLUMN created_by TEXT`,
  `ALTER TABLE alert_channel ADD COLUMN created_by TEXT`,
  `CREATE INDEX supabase_hook_owner ON supabase_hook(created_by) WHERE created_by IS NOT NULL`,
  `CREATE INDEX alert_channel_owner ON alert_channel(created_by) WHERE created_by IS NOT NULL`,

  // By a test key, or about one.
  `ALTER TABLE audit ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
  `UPDATE audit SET test = 1 WHERE EXISTS (SELECT 1 FROM api_key k WHERE k.workspace_id = audit.workspace_id
    AND k.environment = 'test' AND k.id IN (audit.actor, audit.target))`,
  `CREATE INDEX audit_test ON audit(workspace_id, id) WHERE test = 1`,

  // A channel whose key has ended is paused: the other channels tell of it.
  `DROP TRIGGER alert_channel_incident`,
  `CREATE TRIGGER alert_channel_incident AFTER UPDATE OF paused_at ON alert_channel BEGIN
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

  // Holds no row, ever: to insert one fails, and with it the batch. The constraint's name tells why.
  `CREATE TABLE refusal (
    reason TEXT NOT NULL,
    CONSTRAINT caller_may_no_more CHECK (reason <> 'caller'),
    CONSTRAINT no_manager_is_left CHECK (reason <> 'manager'),
    CHECK (reason IN ('caller', 'manager'))
  ) STRICT`,
];
