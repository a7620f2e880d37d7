import { type RawBuilder, sql } from "kysely";

/** More than so many that begin within this time of one of them are a storm: they are told in one digest. */
const fewIncidents = 5;
const stormMs = 60_000;
/** Nothing new for so long, and a storm is taken to be whole. */
const settleMs = 15_000;
/** So long the end of a digest waits for the last of its incidents. */
const endWaitMs = 600_000;
/** Digests that began before this have been told as over. */
const keptMs = 48 * 3600_000;

/** When an incident may be told to a channel: what comes and goes by itself has to last. */
export const dueAt = (incident: "i" | "j") =>
  sql<number>`(${sql.ref(`${incident}.since`)} + CASE WHEN ${sql.ref(`${incident}.kind`)} IN ('offline', 'proxy_unreachable')
    THEN c.after_seconds * 1000 ELSE 0 END)`;

/** True in SQL of incidents that channel `c` is told of. */
export const isHeard = (incident: "i" | "j") =>
  sql<boolean>`NOT EXISTS (SELECT 1 FROM json_each(c.quiet) WHERE value = ${sql.ref(`${incident}.kind`)})`;

const besides = sql`j.workspace_id = i.workspace_id AND j.closed_at IS NULL AND j.kind <> 'channel_paused' AND ${isHeard("j")}`;

/** True in SQL of an open incident `i` that channel `c` is told of with many others. */
export const isOfStorm = sql<boolean>`(i.kind <> 'channel_paused' AND ${fewIncidents} <
  (SELECT count(*) FROM (SELECT 1 FROM incident j WHERE ${besides}
    AND j.since BETWEEN i.since - ${stormMs} AND i.since + ${stormMs} LIMIT ${fewIncidents + 1})))`;

/** True in SQL once all that began with incident `i` may be told and nothing new comes, or it has waited for long enough. */
export const isSettled = (now: number): RawBuilder<boolean> => sql`(${dueAt("i")} <= ${now - stormMs} OR NOT EXISTS
  (SELECT 1 FROM incident j WHERE ${besides} AND j.since BETWEEN i.since AND i.since + ${stormMs}
    AND (j.since > ${now - settleMs} OR ${dueAt("j")} > ${now})))`;

/** The digests whose end may be told, in SQL: nothing of them is open, or the first has been over for long enough. */
export const endedDigests = (
  now: number,
) => sql`SELECT m.digest_id FROM alert_delivery m JOIN incident o ON o.id = m.incident_id
  WHERE m.digest_id >= 'dlv_' || printf('%012x', ${now - keptMs}) GROUP BY m.digest_id
  HAVING sum(o.closed_at IS NULL) = 0 OR min(o.closed_at) <= ${now - endWaitMs}`;
