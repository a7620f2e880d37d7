/** Hooks and channels belong to the key that created them, audit entries of test keys are marked, a batch can refuse itself. */
export const keyOwners = {
  name: "0009_key_owners",
  statements: [
    // Null: it was made before this column was added, and belongs to the workspace.
    `ALTER TABLE supabase_hook ADD COLUMN created_by TEXT`,
    `ALTER TABLE alert_channel ADD COLUMN created_by TEXT`,
    `CREATE INDEX supabase_hook_owner ON supabase_hook(created_by) WHERE created_by IS NOT NULL`,
    `CREATE INDEX alert_channel_owner ON alert_channel(created_by) WHERE created_by IS NOT NULL`,
    // 1: a test key made the entry, or the entry is about one.
    `ALTER TABLE audit ADD COLUMN test INTEGER NOT NULL DEFAULT 0`,
    `UPDATE audit SET test = 1 WHERE EXISTS (SELECT 1 FROM api_key k WHERE k.workspace_id = audit.workspace_id
      AND k.environment = 'test' AND k.id IN (audit.actor, audit.target))`,
    `CREATE INDEX audit_test ON audit(workspace_id, id) WHERE test = 1`,
    // Now also for a channel that is paused because its key has ended: the other channels report it.
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
    // Never holds a row: an insert violates a constraint, so the batch fails. The constraint's name is the reason.
    `CREATE TABLE refusal (
      reason TEXT NOT NULL,
      CONSTRAINT caller_may_no_more CHECK (reason <> 'caller'),
      CONSTRAINT no_manager_is_left CHECK (reason <> 'manager'),
      CHECK (reason IN ('caller', 'manager'))
    ) STRICT`,
  ],
};
