/** Lower bounds of the latency buckets, in milliseconds: a half octave each, up to fifty minutes. */
export const latencyFloors = Array.from({ length: 44 }, (_, i) => Math.round(2 ** (i / 2)));

const bucketOf = (ms: string) => `(SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(${ms}, 1))`;

/** One more for a stage of the verification in `row`, reached at `at`; rehearsals with test keys do not count. */
const count = (row: string, stage: string, at: string, source = "WHERE true") => `
  INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
  SELECT ${row}.workspace_id, ${row}.prefix, ${row}.created_at / 3600000 * 3600000, ${row}.country, ${row}.session_id,
    ${row}.template_id, ${row}.purpose, ${row}.mode, ${stage}, ${bucketOf(`${at} - ${row}.created_at`)}, 1
  ${source} AND ${row}.test = 0
  ON CONFLICT DO UPDATE SET count = count + 1;`;

interface Told {
  type: string;
  verification: string;
  message: string;
  session: string;
  at: string;
  data?: string;
  when?: string;
}

/** A fact for the timeline. Its id sorts by time, as all ids do. */
export const tell = ({ type, verification, message, session, at, data = "'{}'", when = "true" }: Told) => `
  INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at)
  SELECT 'evt_' || printf('%012x', ${at}) || lower(hex(randomblob(7))), NEW.workspace_id, ${type}, ${verification},
    ${message}, ${session}, ${data}, ${at} WHERE ${when};`;

const ofVerification = (type: string, data?: string, at = "NEW.updated_at") =>
  tell({
    type,
    verification: "NEW.id",
    message: "NEW.message_id",
    session: "NEW.session_id",
    at,
    ...(data === undefined ? {} : { data }),
  });

const missed = (when: string) =>
  tell({
    type: "'verification.check_failed'",
    verification: "NEW.id",
    message: "NEW.message_id",
    session: "NEW.session_id",
    at: "NEW.updated_at",
    data: "json_object('attemptsLeft', NEW.attempts_left)",
    when,
  });

const ofMessage = (type: string, at: string, data?: string) =>
  tell({
    type,
    verification: "NEW.verification_id",
    message: "NEW.id",
    session: "NEW.session_id",
    at,
    ...(data === undefined ? {} : { data }),
  });

const stages = [
  { stage: "sent", bit: 1 },
  { stage: "delivered", bit: 2 },
  { stage: "read", bit: 4 },
] as const;

const isReceived = "OLD.received_at IS NULL AND NEW.received_at IS NOT NULL";
const received =
  tell({
    type: "'verification.received'",
    verification: "NEW.id",
    message: "NEW.message_id",
    session: "NEW.session_id",
    at: "NEW.updated_at",
    when: isReceived,
  }) + count("NEW", "'received'", "NEW.updated_at", `WHERE ${isReceived}`);

function reached({ stage, bit }: (typeof stages)[number]): string {
  const [column, isNew] = [`${stage}_at`, `OLD.${stage}_at IS NULL AND NEW.${stage}_at IS NOT NULL`];
  const isFirst = `progress & ${bit} = 0`;
  return `
    ${tell({ type: `'message.${stage}'`, verification: "NEW.verification_id", message: "NEW.id", session: "NEW.session_id", at: `NEW.${column}`, when: isNew })}
    ${count("v", `'${stage}'`, `NEW.${column}`, `FROM verification v WHERE v.id = NEW.verification_id AND ${isNew} AND v.${isFirst}`)}
    UPDATE verification SET progress = progress | ${bit} WHERE id = NEW.verification_id AND ${isNew} AND ${isFirst};`;
}

/**
 * The timeline and the hourly counts are written by the database itself, in the transaction of the change that they are
 * about: whoever makes it (a check, a connector's event, the clock), it is told and counted exactly once.
 */
export const history: readonly string[] = [
  `CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, workspace_id TEXT NOT NULL, type TEXT NOT NULL,
    verification_id TEXT, message_id TEXT, session_id TEXT, data TEXT NOT NULL, at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX event_verification ON event(verification_id) WHERE verification_id IS NOT NULL`,
  `CREATE INDEX event_at ON event(at)`,

  // By the hour in which the verification was created, so that rates compare like with like; bucket: ms since then.
  `CREATE TABLE conversion (
    workspace_id TEXT NOT NULL, prefix TEXT NOT NULL, hour INTEGER NOT NULL, country TEXT NOT NULL, session_id TEXT NOT NULL,
    template_id TEXT NOT NULL, purpose TEXT NOT NULL, mode TEXT NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, prefix, hour, stage, country, session_id, template_id, purpose, mode, bucket)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX conversion_hour ON conversion(workspace_id, hour)`,
  `CREATE TABLE latency_bucket (floor_ms INTEGER PRIMARY KEY) STRICT`,
  `INSERT INTO latency_bucket (floor_ms) VALUES ${[...new Set(latencyFloors)].map((ms) => `(${ms})`).join(", ")}`,

  `CREATE TRIGGER verification_created AFTER INSERT ON verification BEGIN
    ${ofVerification("'verification.created'", "json_object('mode', NEW.mode)", "NEW.created_at")}
    ${count("NEW", "'created'", "NEW.created_at")}
  END`,
  // In this order; and whoever ends it: a code that is used up or can no longer be used is not sent any more.
  `CREATE TRIGGER verification_ended AFTER UPDATE OF status ON verification WHEN NEW.status <> OLD.status BEGIN
    ${missed("NEW.status = 'max_attempts_reached'")}
    ${received}
    ${ofVerification("'verification.' || NEW.status", "CASE WHEN NEW.approved_by IS NULL THEN '{}' ELSE json_object('approvedBy', NEW.approved_by) END")}
    ${count("NEW", "NEW.status", "NEW.updated_at")}
    UPDATE message SET status = 'canceled', sandbox_steps = NULL, updated_at = NEW.updated_at
      WHERE verification_id = NEW.id AND status = 'queued'
        AND NEW.status IN ('approved', 'canceled', 'max_attempts_reached', 'blocked');
  END`,
  `CREATE TRIGGER verification_missed AFTER UPDATE OF attempts_left ON verification
    WHEN NEW.status = OLD.status AND NEW.attempts_left < OLD.attempts_left BEGIN
    ${missed("true")}
  END`,
  `CREATE TRIGGER verification_resent AFTER UPDATE OF sends_left ON verification WHEN NEW.sends_left < OLD.sends_left BEGIN
    ${ofVerification("'verification.resent'", "json_object('sendsLeft', NEW.sends_left)")}
    ${count("NEW", "'resent'", "NEW.updated_at")}
  END`,
  `CREATE TRIGGER verification_received AFTER UPDATE OF received_at ON verification
    WHEN ${isReceived} AND NEW.status = OLD.status BEGIN
    ${received}
  END`,

  `CREATE TRIGGER message_queued AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN
    ${ofMessage("'message.queued'", "NEW.created_at")}
  END`,
  `CREATE TRIGGER message_ended AFTER UPDATE OF status ON message
    WHEN NEW.status <> OLD.status AND NEW.status IN ('failed', 'canceled', 'revoked') BEGIN
    ${ofMessage("'message.' || NEW.status", "NEW.updated_at", "CASE WHEN NEW.failure IS NULL THEN '{}' ELSE json_object('reason', NEW.failure) END")}
  END`,
  // One trigger, for triggers on the same change have no order. A stage is the verification's when the first of its
  // messages reaches it.
  `CREATE TRIGGER message_moved AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN
    ${stages.map(reached).join("")}
  END`,
];
