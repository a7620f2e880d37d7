import { accountFailures } from "@sandi/contracts";
import { tell } from "./history.ts";

/** What a session has done is counted by half hours. */
export const halfHourMs = 1_800_000;

const defaultPool = (workspace: string, table = "") => `
  INSERT INTO pool (id, workspace_id, name, strategy, pacing, fallback, created_at, updated_at)
  SELECT 'pool_' || substr(${workspace}.id, 4), ${workspace}.id, 'Default', 'sticky', 'normal', 'inbound',
    ${workspace}.created_at, ${workspace}.created_at ${table}`;

/** In the SET of an UPDATE of `session`: so many more messages sent, and failed for the account's sake. */
function counted(at: string, { sent, failed }: { sent: string; failed: string }): string {
  const slot = `(${at} / ${halfHourMs} * ${halfHourMs})`;
  const now = (column: string) => `CASE WHEN counted_from >= ${slot} THEN ${column} ELSE 0 END`;
  const before = (column: string) => `CASE WHEN counted_from >= ${slot} THEN earlier_${column}
    WHEN counted_from >= ${slot} - ${halfHourMs} THEN ${column} ELSE 0 END`;
  return `sends = ${now("sends")} + (${sent}), failures = ${now("failures")} + (${failed}),
    earlier_sends = ${before("sends")}, earlier_failures = ${before("failures")}, counted_from = max(counted_from, ${slot})`;
}

/** Stands in `pool.new_chats_per_day` for a number that grows with the session's age. */
export const warmUp = -1;

const isUnsent = (row: string) => `${row}.status IN ('queued', 'sending')`;
const ofAccount = [...accountFailures, "refused"].map((reason) => `'${reason}'`).join(", ");

const dayMs = 86_400_000;

/** A sender of a pool where each has its turn has had it; and it may be about to write to a stranger. */
const chosen = `
  UPDATE session SET new_chats = CASE WHEN new_chats_from > NEW.updated_at - ${dayMs} THEN new_chats + 1 ELSE 1 END,
      new_chats_from = CASE WHEN new_chats_from > NEW.updated_at - ${dayMs} THEN new_chats_from ELSE NEW.updated_at END
    WHERE id = NEW.session_id AND NOT EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id
      AND w.to_hash = NEW.to_hash AND w.session_id = NEW.session_id);
  UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin'
    AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id);
  UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id), 0)
    WHERE id = NEW.session_id;`;

/**
 * Sender pools, and what a sender is chosen by: the database itself keeps count of what waits for a session, of what it
 * has sent and of whom it has reached, in the transaction of the change.
 */
export const senders: readonly string[] = [
  `CREATE TABLE pool (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, strategy TEXT NOT NULL, pacing TEXT NOT NULL,
    fallback TEXT NOT NULL, new_chats_per_day INTEGER, turn INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX pool_name ON pool(workspace_id, name)`,
  defaultPool("w", "FROM workspace w"),
  `CREATE TRIGGER workspace_pool AFTER INSERT ON workspace BEGIN ${defaultPool("NEW")}; END`,

  `ALTER TABLE session ADD COLUMN pool_id TEXT NOT NULL DEFAULT ''`,
  `UPDATE session SET pool_id = 'pool_' || substr(workspace_id, 4)`,
  `CREATE INDEX session_pool ON session(pool_id)`,
  ...["waiting", "turn", "counted_from", "new_chats", "new_chats_from"].map(zero),
  ...["sends", "failures", "earlier_sends", "earlier_failures"].map(zero),
  `UPDATE session SET waiting = (SELECT count(*) FROM message m
    WHERE m.session_id = session.id AND ${isUnsent("m")} AND m.test = 0)`,
  // What waits for senders that cannot send is found by these; they hold few rows.
  `CREATE INDEX session_behind ON session(waiting) WHERE state <> 'online'`,
  `CREATE INDEX session_paused ON session(paused_until) WHERE paused_until IS NOT NULL`,

  `ALTER TABLE verification ADD COLUMN pool_id TEXT`,
  `ALTER TABLE message ADD COLUMN pool_id TEXT`,
  `ALTER TABLE message ADD COLUMN to_hash TEXT NOT NULL DEFAULT ''`,
  `ALTER TABLE message ADD COLUMN tried TEXT NOT NULL DEFAULT '{}'`,

  `ALTER TABLE warm_contact ADD COLUMN wrote_at INTEGER`,
  `ALTER TABLE warm_contact ADD COLUMN reached_at INTEGER`,
  `UPDATE warm_contact SET wrote_at = last_at`,

  `CREATE TRIGGER message_taken AFTER INSERT ON message WHEN NEW.status = 'queued' AND NEW.test = 0 BEGIN ${chosen} END`,
  `CREATE TRIGGER message_settled AFTER UPDATE OF status ON message
    WHEN ${isUnsent("OLD")} AND NOT ${isUnsent("NEW")} AND NEW.test = 0 BEGIN
    UPDATE session SET waiting = max(0, waiting - 1), ${counted("NEW.updated_at", {
      sent: "NEW.status IN ('sent', 'delivered', 'read')",
      failed: `NEW.status = 'failed' AND NEW.failure IN (${ofAccount})`,
    })} WHERE id = OLD.session_id;
  END`,
  `CREATE TRIGGER message_rerouted AFTER UPDATE OF session_id ON message
    WHEN NEW.session_id <> OLD.session_id AND NEW.status = 'queued' AND NEW.test = 0 BEGIN
    ${tell({
      type: "'message.rerouted'",
      verification: "NEW.verification_id",
      message: "NEW.id",
      session: "NEW.session_id",
      at: "NEW.updated_at",
      data: "json_object('from', OLD.session_id, 'reason', coalesce(NEW.tried ->> ('$.' || OLD.session_id), 'not_online'))",
    })}
    UPDATE session SET waiting = max(0, waiting - 1), ${counted("NEW.updated_at", {
      sent: "0",
      failed: "NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL",
    })} WHERE id = OLD.session_id;
    ${chosen}
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
    ${tell({
      type: "'verification.switched'",
      verification: "NEW.id",
      message: "NEW.message_id",
      session: "NEW.session_id",
      at: "NEW.updated_at",
      data: "json_object('mode', NEW.mode)",
    })}
  END`,
];

function zero(column: string): string {
  return `ALTER TABLE session ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0`;
}
