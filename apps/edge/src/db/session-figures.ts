/** Figures are kept by slots of so long. */
export const slotMs = 600_000;

const row = (of: string, outcome: string, at: string) =>
  `SELECT ${of}.workspace_id, ${of}.session_id, ${outcome}, ${at} / ${slotMs} * ${slotMs}, 1, ${at}`;
const more = "ON CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at)";
const columns = "(workspace_id, session_id, outcome, slot, count, last_at)";

const stage = (name: string) => `
  CREATE TRIGGER session_counted_${name} AFTER UPDATE OF ${name}_at ON message
    WHEN OLD.${name}_at IS NULL AND NEW.${name}_at IS NOT NULL AND NEW.test = 0 BEGIN
    INSERT INTO session_figure ${columns} ${row("NEW", `'${name}'`, `NEW.${name}_at`)} WHERE true ${more};
  END`;

/** What a session has lately sent, delivered, failed at and heard, counted in the transaction of the change. */
export const sessionFigures: readonly string[] = [
  // outcome: sent, delivered, heard, or why a message failed.
  `CREATE TABLE session_figure (
    workspace_id TEXT NOT NULL, session_id TEXT NOT NULL, outcome TEXT NOT NULL, slot INTEGER NOT NULL,
    count INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, session_id, outcome, slot)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX session_figure_slot ON session_figure(slot)`,
  stage("sent"),
  stage("delivered"),
  `CREATE TRIGGER session_counted_failed AFTER UPDATE OF status ON message
    WHEN OLD.status <> 'failed' AND NEW.status = 'failed' AND NEW.failure IS NOT NULL AND NEW.test = 0 BEGIN
    INSERT INTO session_figure ${columns} ${row("NEW", "NEW.failure", "NEW.updated_at")} WHERE true ${more};
  END`,
  `CREATE TRIGGER session_forgotten AFTER DELETE ON session BEGIN
    DELETE FROM session_figure WHERE workspace_id = OLD.workspace_id AND session_id = OLD.id;
  END`,
];
