import { type RawBuilder, sql } from "kysely";

// Rules in SQL about an incident `i`, or another one `j` of its workspace, and a channel `c` that reports them. They are SQL
// because they decide in the transaction that opens and closes the incidents.

/** More incidents than this that begin within `stormMs` of one of them are a storm: one digest reports them. */
const fewIncidents = 5;
const stormMs = 60_000;
/** A storm is complete when nothing new begins for so long. */
const settleMs = 15_000;
/** The digest of an end waits for the last of its incidents for so long. */
const endWaitMs = 600_000;
/** Digests that began earlier count as ended. */
const keptMs = 48 * 3600_000;

/** When the channel may report an incident. What often recovers by itself has to last. */
export const dueAt = (incident: "i" | "j") =>
  sql<number>`(${sql.ref(`${incident}.since`)} + CASE WHEN ${sql.ref(`${incident}.kind`)} IN ('offline', 'proxy_unreachable')
    THEN (c.settings ->> '$.afterSeconds') * 1000 ELSE 0 END)`;

/** True unless the channel's settings mute the kind of incident. */
export const isReported = (incident: "i" | "j") =>
  sql<boolean>`NOT EXISTS (SELECT 1 FROM json_each(c.settings, '$.mutedKinds') WHERE value = ${sql.ref(`${incident}.kind`)})`;

const isBeside = sql`j.workspace_id = i.workspace_id AND j.closed_at IS NULL AND j.kind NOT IN ('channel_paused', 'webhook_paused') AND ${isReported("j")}`;

/** True of an open incident that began together with many others. */
export const isInStorm = sql<boolean>`(i.kind NOT IN ('channel_paused', 'webhook_paused') AND ${fewIncidents} <
  (SELECT count(*) FROM (SELECT 1 FROM incident j WHERE ${isBeside}
    AND j.since BETWEEN i.since - ${stormMs} AND i.since + ${stormMs} LIMIT ${fewIncidents + 1})))`;

/** True when all that began with the incident may be reported and nothing new begins, or it has waited long enough. */
export const isSettled = (now: number): RawBuilder<boolean> => sql`(${dueAt("i")} <= ${now - stormMs} OR NOT EXISTS
  (SELECT 1 FROM incident j WHERE ${isBeside} AND j.since BETWEEN i.since AND i.since + ${stormMs}
    AND (j.since > ${now - settleMs} OR ${dueAt("j")} > ${now})))`;

/** The digests whose end may be reported: all of their incidents are closed, or the first was closed long enough ago. */
export const endedDigests = (
  now: number,
) => sql`SELECT m.digest_id FROM delivery m JOIN incident o ON o.id = m.subject_id
  WHERE m.digest_id >= 'dlv_' || printf('%012x', ${now - keptMs}) GROUP BY m.digest_id
  HAVING sum(o.closed_at IS NULL) = 0 OR min(o.closed_at) <= ${now - endWaitMs}`;
