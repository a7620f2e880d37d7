/** One table of jobs for QStash. The unpublished jobs of messages, sessions and alerts move into it from their rows. */
export const jobs = {
  name: "0015_jobs",
  statements: [
    // A subject (a message, a session, a delivery) has one job of a kind. expires_at: NULL for never.
    `CREATE TABLE job (
      kind TEXT NOT NULL, subject_id TEXT NOT NULL, workspace_id TEXT NOT NULL, publish_after INTEGER NOT NULL,
      publish_count INTEGER NOT NULL, expires_at INTEGER, traceparent TEXT, PRIMARY KEY (kind, subject_id)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX job_due ON job(kind, publish_after)`,

    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at, traceparent)
      SELECT CASE WHEN verification_id IS NULL THEN 'text' ELSE 'code' END, id, workspace_id, publish_after, publish_count,
        expires_at, traceparent
      FROM message WHERE status IN ('queued', 'sending') AND test = 0`,
    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at)
      SELECT 'revoke', id, workspace_id, publish_after, publish_count, revoke_until
      FROM message WHERE revoke_until IS NOT NULL AND status IN ('sending', 'sent', 'delivered')`,
    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count)
      SELECT 'session', id, workspace_id, publish_after, publish_count FROM session WHERE acked_revision < revision`,
    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at)
      SELECT 'alert', id, workspace_id, publish_after, publish_count, created_at + 86400000
      FROM alert_delivery WHERE status = 'queued'`,

    `DROP INDEX message_unsent`,
    `DROP INDEX message_revoking`,
    `DROP INDEX session_unpublished`,
    `DROP INDEX alert_delivery_waiting`,
    `CREATE INDEX alert_delivery_queued ON alert_delivery(created_at) WHERE status = 'queued'`,
    `ALTER TABLE message DROP COLUMN publish_after`,
    `ALTER TABLE message DROP COLUMN publish_count`,
    `ALTER TABLE message DROP COLUMN revoke_until`,
    `ALTER TABLE message DROP COLUMN traceparent`,
    `ALTER TABLE session DROP COLUMN publish_after`,
    `ALTER TABLE session DROP COLUMN publish_count`,
    `ALTER TABLE alert_delivery DROP COLUMN publish_after`,
    `ALTER TABLE alert_delivery DROP COLUMN publish_count`,
  ],
};
