import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

type Merged = Extract<ConnectorEvent, { type: "chat.merged" }>;

/** In SQL the id of the person in a chat. */
export const personOf = (chatId: RawBuilder<unknown>) => sql`'per_' || substr(${chatId}, 5)`;

/** In SQL the id that a chat has now: a former one leads to it. */
export const chatNow = (chatId: string) =>
  sql<string>`coalesce((SELECT chat_id FROM chat_alias WHERE id = ${chatId}), ${chatId})`;

/** Gives the messages of merged chats to the one that remains, whose other ids lead to it. The session's history shows it. */
export function mergeChats({ kysely }: Db, { id, sessionId, chatId, mergedIds, at }: Merged): CompiledQuery[] {
  const [time, merged] = [Date.parse(at), JSON.stringify(mergedIds)];
  const isMerged = (column: RawBuilder<unknown>, list: RawBuilder<unknown>) =>
    sql`${column} IN (SELECT ${list} FROM json_each(${merged}))`;
  return [
    sql`INSERT INTO event (id, workspace_id, type, session_id, data, at)
      SELECT ${id}, workspace_id, 'chat.merged', id, ${JSON.stringify({ chatId, mergedIds })}, ${time} FROM session
      WHERE id = ${sessionId} AND EXISTS (SELECT 1 FROM json_each(${merged}) WHERE value NOT IN (SELECT id FROM chat_alias))`,
    sql`UPDATE chat_alias SET chat_id = ${chatId} WHERE session_id = ${sessionId} AND ${isMerged(sql`chat_id`, sql`value`)}`,
    sql`INSERT INTO chat_alias (id, workspace_id, session_id, chat_id, created_at)
      SELECT value, workspace_id, session.id, ${chatId}, ${time} FROM session, json_each(${merged}) WHERE session.id = ${sessionId}
      ON CONFLICT DO NOTHING`,
    sql`UPDATE chat SET to_hash = coalesce(chat.to_hash, m.to_hash), country = iif(chat.prefix = '', m.country, chat.country),
        former_hashes = iif(chat.former_hashes = '[]', m.former_hashes, chat.former_hashes),
        prefix = iif(chat.prefix = '', m.prefix, chat.prefix), is_open = max(chat.is_open, m.is_open)
      FROM (SELECT max(to_hash) AS to_hash, max(former_hashes) AS former_hashes, max(country) AS country, max(prefix) AS prefix,
          max(is_open) AS is_open FROM chat WHERE session_id = ${sessionId} AND ${isMerged(sql`id`, sql`value`)}) AS m
      WHERE chat.id = ${chatId} AND chat.session_id = ${sessionId} AND m.is_open IS NOT NULL`,
    sql`UPDATE OR IGNORE chat SET id = ${chatId} WHERE session_id = ${sessionId} AND ${isMerged(sql`id`, sql`value`)}`,
    sql`DELETE FROM chat WHERE session_id = ${sessionId} AND ${isMerged(sql`id`, sql`value`)}`,
    sql`UPDATE message SET chat_id = ${chatId} WHERE session_id = ${sessionId} AND ${isMerged(sql`chat_id`, sql`value`)}`,
    sql`UPDATE message SET person_id = ${personOf(sql`${chatId}`)} WHERE session_id = ${sessionId}
      AND ${isMerged(sql`person_id`, personOf(sql`value`))}`,
  ].map((statement) => statement.compile(kysely));
}
