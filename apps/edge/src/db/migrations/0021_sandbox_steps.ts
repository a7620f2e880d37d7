import type { Migration } from "@sandi/libsql";

/** What the sandbox does with a message is a job per step. */
export const sandboxSteps: Migration = {
  name: "0021_sandbox_steps",
  statements: [
    `INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at)
      SELECT 'sandbox.' || CASE step.key WHEN 'failed' THEN 'fail' WHEN 'sent' THEN 'send' WHEN 'delivered' THEN 'deliver'
        ELSE 'read' END, message.id, message.workspace_id, step.value, 1, message.expires_at
      FROM message, json_each(message.sandbox_steps) step
      WHERE message.sandbox_steps IS NOT NULL AND message.status IN ('queued', 'sent', 'delivered')`,
    `DROP INDEX message_rehearsing`,
    `ALTER TABLE message DROP COLUMN sandbox_steps`,
  ],
};
