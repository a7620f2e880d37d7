import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

type Merged = Extract<ConnectorEvent, { type: "chat.merged" }>;

/** A person and the chat with that person have the same id, with another prefix. */
export const chatIdOf = (personId: string) => personId.replace(/^per_/, "cht_");

/** In SQL the id of the person in a chat. */
export const personOf = (chatId: RawBuilder<unknown>) => sql`'per_' || substr(${chatId}, 5)`;

/** In SQL the id that a chat has now: a former one leads to it. */
export const chatNow = (chatId: string) =>
  sql`coalesce((SELECT chat_id FROM chat_alias WHERE id = ${chatId}), ${chatId})`;

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
    sql`UPDATE message SET chat_id = ${chatId} WHERE session_id = ${sessionId} AND ${isMerged(sql`chat_id`, sql`value`)}`,
    sql`UPDATE message SET person_id = ${personOf(sql`${chatId}`)} WHERE session_id = ${sessionId}
      AND ${isMerged(sql`person_id`, personOf(sql`value`))}`,
  ].map((statement) => statement.compile(kysely));
}
