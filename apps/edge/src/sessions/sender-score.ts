import { type RawBuilder, sql } from "kysely";
import { warmUp } from "../pools/repository.ts";

const dayMs = 86_400_000;

/** The trigger `message_settled` counts sends and failures in slots of this length. */
export const halfHourMs = 1_800_000;

// All conditions here are SQL about a row of `session`. Times are milliseconds.

/** It is linked and should run. Messages of a session without a number could only expire. */
export const isEligible = sql<boolean>`(session.desired = 'running' AND session.state <> 'ended' AND session.phone IS NOT NULL)`;

/** It can send at once. */
export const isSending = (at: number) =>
  sql<boolean>`(session.state = 'online' AND (session.paused_until IS NULL OR session.paused_until <= ${at}))`;

/** WhatsApp allows the account to write to strangers. */
export const canOpenChats = (at: number) =>
  sql<boolean>`((session.new_chats_locked_until IS NULL OR session.new_chats_locked_until <= ${at})
    AND (session.new_chats_total IS NULL OR session.new_chats_used < 0.8 * session.new_chats_total
      OR session.new_chats_reset_at <= ${at}))`;

/** How many strangers an account may write to on each day after it was linked. The last value repeats. */
const warmingUp = [10, 20, 40, 80];

/** How many strangers its pool allows in 24 hours; NULL: any number. */
const newChatsAllowed = (at: number) => sql`(SELECT
    CASE new_chats_per_day WHEN ${sql.lit(warmUp)} THEN json_extract(${sql.lit(JSON.stringify(warmingUp))}, '$[' || CAST(min(
      ${sql.lit(warmingUp.length - 1)}, (${at} - session.linked_at) / ${sql.lit(dayMs)}) AS INTEGER) || ']')
    ELSE new_chats_per_day END FROM pool WHERE pool.id = session.pool_id)`;

/** Its pool allows one more stranger in the current 24 hours. */
export const hasRoomForNew = (at: number) =>
  sql<boolean>`(session.new_chats_from <= ${at - dayMs} OR session.new_chats < coalesce(${newChatsAllowed(at)}, ${sql.lit(Number.MAX_SAFE_INTEGER)}))`;

/** How many more strangers its pool allows in the current 24 hours; NULL: any number. */
export const newChatsLeft = (at: number) =>
  sql<
    number | null
  >`max(0, ${newChatsAllowed(at)} - iif(session.new_chats_from <= ${at - dayMs}, 0, session.new_chats))`;

/** The count of the last 30 to 60 minutes. */
function recent(column: "sends" | "failures", at: number): RawBuilder<number> {
  const slot = Math.floor(at / halfHourMs) * halfHourMs;
  return sql<number>`CASE WHEN session.counted_from >= ${slot} THEN session.${sql.raw(column)} + session.earlier_${sql.raw(column)}
    WHEN session.counted_from >= ${slot - halfHourMs} THEN session.${sql.raw(column)} ELSE 0 END`;
}

/** The parts of a session's score, in points. */
export const factsOf = (at: number) => ({
  state: sql<number>`CASE WHEN NOT ${isEligible} THEN 0
    ELSE CASE session.state WHEN 'online' THEN 100 WHEN 'connecting' THEN 60 WHEN 'waiting' THEN 40 ELSE 20 END END`,
  pause: sql<number>`CASE WHEN session.paused_until > ${at} THEN -50 ELSE 0 END`,
  newChats: sql<number>`CASE WHEN session.new_chats_locked_until > ${at} THEN -25
    WHEN session.new_chats_total > 0 AND session.new_chats_used > 0 AND coalesce(session.new_chats_reset_at > ${at}, 1)
    THEN -(20 * min(session.new_chats_used, session.new_chats_total) / session.new_chats_total) ELSE 0 END`,
  failures: sql<number>`(SELECT -(60 * failed / (failed + sent + 3))
    FROM (SELECT ${recent("failures", at)} AS failed, ${recent("sends", at)} AS sent))`,
  attempts: sql<number>`-min(5, session.attempts)`,
  queue: sql<number>`-min(15, session.waiting / 10)`,
});

/**
 * How well a session can send, from 0 to 100: points for its state, minus points for recent failures, locks, caps, lost
 * connections and its queue.
 */
export function scoreOf(at: number): RawBuilder<number> {
  const { state, pause, newChats, failures, attempts, queue } = factsOf(at);
  return sql<number>`max(0, (${state}) + (${pause}) + (${newChats}) + (${failures}) + (${attempts}) + (${queue}))`;
}
