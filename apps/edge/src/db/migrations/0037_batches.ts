/**
 * Messages to many recipients. A recipient is a row of `batch_item`, sealed, until its message is made. `batch.due_at` is
 * when the batch needs work next; NULL: it needs none.
 */
export const batches = {
  name: "0037_batches",
  statements: [
    `CREATE TABLE batch (
      id TEXT PRIMARY KEY,
      workspace_id TEXT NOT NULL,
      test INTEGER NOT NULL,
      name TEXT,
      status TEXT NOT NULL,
      session_id TEXT,
      pool_id TEXT,
      sealed_message TEXT,
      lifetime_ms INTEGER NOT NULL,
      recipients INTEGER NOT NULL,
      duplicates INTEGER NOT NULL,
      send_at INTEGER,
      due_at INTEGER,
      created_by TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      ended_at INTEGER
    ) STRICT`,
    `CREATE INDEX batch_workspace ON batch (workspace_id, id)`,
    `CREATE INDEX batch_due ON batch (due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX batch_open ON batch (workspace_id) WHERE ended_at IS NULL`,
    `CREATE INDEX batch_paused ON batch (updated_at) WHERE status = 'paused'`,
    `CREATE TABLE batch_item (
      batch_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      workspace_id TEXT NOT NULL,
      to_hash TEXT NOT NULL,
      to_masked TEXT NOT NULL,
      sealed TEXT,
      state TEXT NOT NULL,
      code TEXT,
      message_id TEXT,
      due_at INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (batch_id, position)
    ) STRICT`,
    `CREATE INDEX batch_item_waiting ON batch_item (batch_id, due_at, position) WHERE state = 'waiting'`,
    // Events of the sandbox's batches would look like live ones: they have no message that tells.
    `CREATE TRIGGER batch_finished AFTER UPDATE OF status ON batch WHEN NEW.status = 'finished' AND OLD.status <> 'finished'
      AND NEW.test = 0 BEGIN
      INSERT INTO event (id, workspace_id, type, data, at) SELECT 'evt_' || printf('%012x', NEW.ended_at) ||
        lower(hex(randomblob(7))), NEW.workspace_id, 'batch.finished', json_object('batchId', NEW.id, 'recipients',
        NEW.recipients), NEW.ended_at;
    END`,
    `ALTER TABLE message ADD COLUMN batch_id TEXT`,
    `CREATE INDEX message_batch ON message (batch_id, status) WHERE batch_id IS NOT NULL`,
  ],
};
