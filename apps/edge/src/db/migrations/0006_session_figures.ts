/** Counts by session and ten minutes: sent, delivered, heard, failed. */
export const sessionFigures = {
  name: "0006_session_figures",
  statements: [
    // outcome: sent, delivered, heard, or why a message failed.
    `CREATE TABLE session_figure (
      workspace_id TEXT NOT NULL, session_id TEXT NOT NULL, outcome TEXT NOT NULL, slot INTEGER NOT NULL,
      count INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, session_id, outcome, slot)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX session_figure_slot ON session_figure(slot)`,
    `CREATE TRIGGER session_counted_sent AFTER UPDATE OF sent_at ON message
      WHEN OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND NEW.test = 0 BEGIN
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
        NEW.session_id, 'sent', NEW.sent_at / 600000 * 600000, 1, NEW.sent_at WHERE true ON CONFLICT DO UPDATE SET count
        = count + 1, last_at = max(last_at, excluded.last_at);
    END`,
    `CREATE TRIGGER session_counted_delivered AFTER UPDATE OF delivered_at ON message
      WHEN OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL AND NEW.test = 0 BEGIN
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
        NEW.session_id, 'delivered', NEW.delivered_at / 600000 * 600000, 1, NEW.delivered_at WHERE true ON CONFLICT DO
        UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at);
    END`,
    `CREATE TRIGGER session_counted_failed AFTER UPDATE OF status ON message
      WHEN OLD.status <> 'failed' AND NEW.status = 'failed' AND NEW.failure IS NOT NULL AND NEW.test = 0 BEGIN
      INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at) SELECT NEW.workspace_id,
        NEW.session_id, NEW.failure, NEW.updated_at / 600000 * 600000, 1, NEW.updated_at WHERE true ON CONFLICT DO
        UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at);
    END`,
    `CREATE TRIGGER session_forgotten AFTER DELETE ON session BEGIN
      DELETE FROM session_figure WHERE workspace_id = OLD.workspace_id AND session_id = OLD.id;
    END`,
  ],
};
