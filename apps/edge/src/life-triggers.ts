import { accountFailures, type FailureReason } from "@sandi/contracts";
import { slotMs } from "./events/session-statements.ts";
import { deliveryOrder, messageLife, unsent } from "./messages/life.ts";
import { halfHourMs } from "./sessions/sender-score.ts";
import { verificationLife } from "./verifications/life.ts";

// Generates the triggers that write timeline events and counts, from the tables of the life cycles. A migration holds
// their text, and a test compares the two. Triggers are needed because one statement changes many rows, each row has its
// own event and counts, and the same statement reads these counts to choose the next sender.

const list = (values: readonly string[]) => `(${values.map((value) => `'${value}'`).join(", ")})`;

/** An event of the timeline. Ids sort by time. */
const event = (
  type: string,
  columns: { verification: string; message: string; data?: string; at: string },
  when = "true",
) => `
  INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at, test)
    SELECT 'evt_' || printf('%012x', ${columns.at}) || lower(hex(randomblob(7))), NEW.workspace_id, ${type},
      ${columns.verification}, ${columns.message}, NEW.session_id, ${columns.data ?? "'{}'"}, ${columns.at}, NEW.test
    WHERE ${when};`;

const ofVerification = (type: string, { data, at = "NEW.updated_at" }: { data?: string; at?: string }, when?: string) =>
  event(type, { verification: "NEW.id", message: "NEW.message_id", at, ...(data === undefined ? {} : { data }) }, when);
const ofMessage = (type: string, { data, at = "NEW.updated_at" }: { data?: string; at?: string }, when?: string) =>
  event(
    type,
    { verification: "NEW.verification_id", message: "NEW.id", at, ...(data === undefined ? {} : { data }) },
    when,
  );

interface Count {
  row?: string;
  stage: string;
  /** Null: the stage has no latency. */
  at: string | null;
  from?: string;
  when: string;
}

/** Counts a stage of a verification. The sandbox is not counted. */
const count = ({ row = "NEW", stage, at, from = "", when }: Count) => `
  INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
    SELECT ${row}.workspace_id, ${row}.prefix, ${row}.created_at / 3600000 * 3600000, ${row}.country, ${row}.session_id,
      ${row}.template_id, ${row}.purpose, ${row}.mode, ${stage}, ${at === null ? "0" : bucket(`${at} - ${row}.created_at`)}, 1
    ${from} WHERE ${when} AND ${row}.test = 0
    ON CONFLICT DO UPDATE SET count = count + 1;`;

const bucket = (ms: string) => `(SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= max(${ms}, 1))`;
/** Codes that the caller knows have an additional count: conversion rates and the prefix guard subtract it. */
const countKnown = (stage: string, when = "true") =>
  count({ stage: `'known_${stage}'`, at: null, when: `NEW.has_known_code = 1 AND ${when}` });

const isReceived = "OLD.received_at IS NULL AND NEW.received_at IS NOT NULL";
const received =
  ofVerification(`'${verificationLife.receive.event}'`, {}, isReceived) +
  count({ stage: `'${verificationLife.receive.stage}'`, at: "NEW.updated_at", when: isReceived });
const missed = (when: string) =>
  ofVerification(`'${verificationLife.miss.event}'`, { data: "json_object('attemptsLeft', NEW.attempts_left)" }, when);

/** True if the latest message found no account, and no other message with the code was sent. */
const foundNoAccount = `EXISTS (SELECT 1 FROM message m WHERE m.id = NEW.message_id AND m.failure = 'not_on_whatsapp'
    AND m.no_account_at < NEW.expires_at AND m.no_account_at <= NEW.updated_at
    AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = NEW.id AND o.id <> m.id
      AND o.status NOT IN ('failed', 'canceled')))`;
const seenAsUndeliverable = ["expire", "cancel", "exhaust", "block"] as const;

const verificationTriggers = {
  verification_created: `AFTER INSERT ON verification BEGIN
    ${ofVerification("'verification.created'", { data: "json_object('mode', NEW.mode)", at: "NEW.created_at" })}
    ${count({ stage: "'created'", at: "NEW.created_at", when: "true" })}
    ${countKnown("created")}
  END`,
  verification_ended: `AFTER UPDATE OF status ON verification WHEN NEW.status <> OLD.status BEGIN
    ${missed(`NEW.status = '${verificationLife.exhaust.to}'`)}
    ${received}
    ${ofVerification(namesOf("event"), { data: "CASE WHEN NEW.approved_by IS NULL THEN '{}' ELSE json_object('approvedBy', NEW.approved_by) END" })}
    ${count({ stage: namesOf("stage"), at: "NEW.updated_at", when: "true" })}
    ${countKnown(verificationLife.approve.stage, `NEW.status = '${verificationLife.approve.to}'`)}
    ${count({
      stage: "'seen:' || NEW.status",
      at: "NEW.updated_at",
      when: `NEW.status IN ${list(seenAsUndeliverable.map((name) => verificationLife[name].to))} AND ${foundNoAccount}`,
    })}
    UPDATE idempotency SET response = NULL, is_sealed = 0
      WHERE resource_id = NEW.id AND is_sealed = 1 AND NEW.has_known_code = 1;
  END`,
  verification_missed: `AFTER UPDATE OF attempts_left ON verification
    WHEN NEW.status = OLD.status AND NEW.attempts_left < OLD.attempts_left BEGIN
    ${missed("true")}
  END`,
  verification_resent: `AFTER UPDATE OF sends_left ON verification WHEN NEW.sends_left < OLD.sends_left BEGIN
    ${ofVerification(`'${verificationLife.resend.event}'`, { data: "json_object('sendsLeft', NEW.sends_left)" })}
    ${count({ stage: `'${verificationLife.resend.stage}'`, at: "NEW.updated_at", when: "true" })}
    ${countKnown(verificationLife.resend.stage)}
  END`,
  verification_received: `AFTER UPDATE OF received_at ON verification
    WHEN ${isReceived} AND NEW.status = OLD.status BEGIN
    ${received}
  END`,
  verification_switched: `AFTER UPDATE OF mode ON verification WHEN NEW.mode <> OLD.mode BEGIN
    ${ofVerification(`'${verificationLife.switch.event}'`, { data: "json_object('mode', NEW.mode)" })}
  END`,
};

/** The event or the stage of the new status, in SQL. */
function namesOf(what: "event" | "stage"): string {
  const ends = Object.values(verificationLife).filter(({ to }) => to !== "pending");
  return `CASE NEW.status ${ends.map((each) => `WHEN '${each.to}' THEN '${"stage" in each ? each[what] : each.event}'`).join(" ")} END`;
}

const isUnsent = (row: "NEW" | "OLD") => `${row}.status IN ${list(unsent)}`;
const dayMs = 86_400_000;
/** Failures that count against the sending account. */
const againstAccount: readonly FailureReason[] = [...accountFailures, "refused"];

/** In the SET of a session: one message less waits, and the sends and failures of this half hour rise. */
function settled({ sent, failed }: { sent: string; failed: string }): string {
  const slot = `(NEW.updated_at / ${halfHourMs} * ${halfHourMs})`;
  const now = (column: string) => `CASE WHEN counted_from >= ${slot} THEN ${column} ELSE 0 END`;
  const before = (column: string) => `CASE WHEN counted_from >= ${slot} THEN earlier_${column}
      WHEN counted_from >= ${slot} - ${halfHourMs} THEN ${column} ELSE 0 END`;
  return `waiting = max(0, waiting - 1), sends = ${now("sends")} + (${sent}), failures = ${now("failures")} + (${failed}),
      earlier_sends = ${before("sends")}, earlier_failures = ${before("failures")}, counted_from = max(counted_from, ${slot})`;
}

const isWarm = `EXISTS (SELECT 1 FROM warm_contact w WHERE w.workspace_id = NEW.workspace_id AND w.to_hash = NEW.to_hash
      AND w.session_id = NEW.session_id)`;
const isNewDay = `new_chats_from <= NEW.updated_at - ${dayMs}`;

/** Counts a message for its session: as waiting, as a new chat if the recipient is a stranger, and as the session's turn. */
const taken = (when: string) => `
  UPDATE pool SET turn = turn + 1 WHERE strategy = 'round_robin' AND ${when}
    AND id = (SELECT pool_id FROM session WHERE id = NEW.session_id);
  UPDATE session SET waiting = waiting + 1, turn = coalesce((SELECT turn FROM pool WHERE pool.id = session.pool_id), 0),
      new_chats = CASE WHEN ${isWarm} THEN new_chats WHEN ${isNewDay} THEN 1 ELSE new_chats + 1 END,
      new_chats_from = CASE WHEN ${isNewDay} AND NOT ${isWarm} THEN NEW.updated_at ELSE new_chats_from END
    WHERE id = NEW.session_id AND ${when};`;

/** Counts an outcome of a session, in slots of ten minutes. */
const figure = (outcome: string, at: string, when: string) => `
  INSERT INTO session_figure (workspace_id, session_id, outcome, slot, count, last_at)
    SELECT NEW.workspace_id, NEW.session_id, ${outcome}, ${at} / ${slotMs} * ${slotMs}, 1, ${at}
    WHERE ${when} AND NEW.test = 0
    ON CONFLICT DO UPDATE SET count = count + 1, last_at = max(last_at, excluded.last_at);`;

/** The session has a chat with the recipient. A message sent before `linked_at` was sent by another account. */
const reachedContact = (at: string, when: string) => `
  INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at)
    SELECT NEW.workspace_id, NEW.to_hash, NEW.session_id, ${at}, ${at}
    WHERE ${when} AND NEW.test = 0 AND NEW.to_hash <> ''
      AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = NEW.session_id AND s.linked_at > ${at})
    ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
      reached_at = max(coalesce(reached_at, 0), excluded.reached_at);`;

const isNew = (column: string) => `OLD.${column} IS NULL AND NEW.${column} IS NOT NULL`;
const progressBit = (index: number) => 2 ** index;

/** The first message that reaches a stage counts the stage for its verification. */
function reached({ stage, event: type }: { stage: string; event: string }, index: number): string {
  const [at, when] = [`NEW.${stage}_at`, isNew(`${stage}_at`)];
  return `${ofMessage(`'${type}'`, { at }, when)}
    ${count({ row: "v", stage: `'${stage}'`, at, from: "FROM verification v", when: `v.id = NEW.verification_id AND ${when} AND v.progress & ${progressBit(index)} = 0` })}`;
}

/** Notes the stages that a verification has reached. */
function progressed(stages: readonly { stage: string }[]): string {
  const bits = stages.map(({ stage }, index) => `iif(${isNew(`${stage}_at`)}, ${progressBit(index)}, 0)`).join(" | ");
  return `UPDATE verification SET progress = progress | ${bits}
      WHERE id = NEW.verification_id AND progress | ${bits} <> progress;`;
}

const reason = "CASE WHEN NEW.failure IS NULL THEN '{}' ELSE json_object('reason', NEW.failure) END";
const { send, deliver, read, play, fail, cancel, revoke, reroute, release } = messageLife;
const ends = [fail, cancel, revoke];
const delivered = deliveryOrder.slice(deliveryOrder.indexOf(send.to));

const messageTriggers = {
  message_queued: `AFTER INSERT ON message WHEN NEW.status = 'queued' BEGIN
    ${ofMessage("'message.queued'", { at: "NEW.created_at" })}
    ${taken("NEW.test = 0")}
  END`,
  // Statements of codes name none of the columns of the next three, so these triggers cost a code nothing.
  message_queued_later: `AFTER UPDATE OF queued_at ON message
    WHEN NEW.queued_at IS NOT OLD.queued_at AND NEW.status = '${release.to}' BEGIN
    ${ofMessage(`'${release.event}'`, {})}
    ${taken("NEW.test = 0")}
  END`,
  message_scheduled: `AFTER UPDATE OF send_at ON message WHEN NEW.send_at IS NOT OLD.send_at AND NEW.status = 'scheduled' BEGIN
    ${ofMessage("'message.scheduled'", { data: "json_object('sendAt', strftime('%Y-%m-%dT%H:%M:%fZ', NEW.send_at / 1000.0, 'unixepoch'))" })}
  END`,
  message_played: `AFTER UPDATE OF played_at ON message WHEN ${isNew("played_at")} BEGIN
    ${ofMessage(`'${play.event}'`, { at: "NEW.played_at" })}
  END`,
  // A message that found no account counts as sent for its session: the score must not reveal who has no account.
  message_settled: `AFTER UPDATE OF status ON message WHEN NEW.status <> OLD.status AND NOT ${isUnsent("NEW")} BEGIN
    ${ofMessage(`CASE NEW.status ${ends.map(({ to, event: type }) => `WHEN '${to}' THEN '${type}'`).join(" ")} END`, { data: reason }, `NEW.status IN ${list(ends.map(({ to }) => to))}`)}
    INSERT INTO event (id, workspace_id, type, verification_id, message_id, session_id, data, at, test)
      SELECT 'evt_' || printf('%012x', NEW.updated_at) || lower(hex(randomblob(7))), NEW.workspace_id,
        '${verificationLife.giveUp.event}', v.id, NEW.id, NEW.session_id, json_object('reason', NEW.failure), NEW.updated_at,
        NEW.test
      FROM verification v WHERE v.id = NEW.verification_id AND NEW.status = 'failed' AND NEW.failure = 'not_on_whatsapp'
        AND v.message_id = NEW.id AND v.status = 'pending' AND v.expires_at > NEW.updated_at
        AND NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = v.id AND o.id <> NEW.id
          AND o.status NOT IN ('failed', 'canceled'));
    ${figure("NEW.failure", "NEW.updated_at", "NEW.status = 'failed' AND NEW.failure IS NOT NULL")}
    UPDATE session SET ${settled({
      sent: `NEW.status IN ${list(delivered)} OR NEW.status = 'failed' AND NEW.failure = 'not_on_whatsapp'`,
      failed: `NEW.status = 'failed' AND NEW.failure IN ${list(againstAccount)}`,
    })} WHERE id = OLD.session_id AND ${isUnsent("OLD")} AND NEW.test = 0;
  END`,
  // One trigger, because triggers on the same change have no order.
  message_moved: `AFTER UPDATE OF sent_at, delivered_at, read_at ON message BEGIN
    ${[send, deliver, read].map(reached).join("")}
    ${progressed([send, deliver, read])}
    ${figure(`'${send.stage}'`, "NEW.sent_at", isNew("sent_at"))}
    ${figure(`'${deliver.stage}'`, "NEW.delivered_at", isNew("delivered_at"))}
    ${reachedContact("NEW.sent_at", isNew("sent_at"))}
  END`,
  message_rerouted: `AFTER UPDATE OF session_id ON message
    WHEN NEW.session_id <> OLD.session_id AND NEW.status = '${reroute.to}' AND NEW.test = 0 AND ${isUnsent("OLD")} BEGIN
    ${ofMessage(`'${reroute.event}'`, { data: "json_object('from', OLD.session_id, 'reason', coalesce(NEW.tried ->> ('$.' || OLD.session_id), 'not_online'))" })}
    UPDATE session SET ${settled({ sent: "0", failed: "NEW.tried ->> ('$.' || OLD.session_id) IS NOT NULL" })}
      WHERE id = OLD.session_id;
    ${taken("true")}
  END`,
  // Keys without `lookup:read` see 'unseen:sent' as sent. A number without an account counts as reached: otherwise a
  // session that may not open more chats would reveal that there is no account.
  message_without_account: `AFTER UPDATE OF no_account_at ON message WHEN ${isNew("no_account_at")} BEGIN
    ${count({
      row: "v",
      stage: "'unseen:sent'",
      at: "NEW.no_account_at",
      from: "FROM verification v",
      when: `v.id = NEW.verification_id AND v.progress & 1 = 0 AND NOT EXISTS (SELECT 1 FROM message o
        WHERE o.verification_id = v.id AND o.id <> NEW.id AND o.no_account_at IS NOT NULL)`,
    })}
    ${reachedContact("NEW.no_account_at", "true")}
  END`,
};

/** The triggers by name, each as the statement that creates it. */
export const lifeTriggers: ReadonlyMap<string, string> = new Map(
  Object.entries({ ...verificationTriggers, ...messageTriggers }).map(([name, text]) => [
    name,
    `CREATE TRIGGER ${name} ${text}`.replaceAll(/\s+/g, " "),
  ]),
);
