import type { InValue } from "@libsql/client";
import { messageColumns, type MessageRow, toMessage } from "./messages.ts";
import { text } from "./row.ts";
import type { Store } from "./store.ts";

/** A page whose filters may match few messages looks at this many at most. */
export const mostLookedAt = 5000;
/** Occurrences of a word are counted up to this number, to find the rarest word. */
const mostCounted = 1000;

/** What a page of messages is about. Positions: from this one, before that one. */
export interface Asked {
  chatId: string | undefined;
  /** Tokens of words that must all match; null: no words are searched. */
  tokens: readonly string[] | null;
  isInbound: boolean | undefined;
  type: string | undefined;
  from: string;
  before: string;
  limit: number;
}

/** Messages, newest first. `continueAt`: the page looked at no messages below this position; null: at all of them. */
export interface MessagePage {
  rows: MessageRow[];
  continueAt: string | null;
}

interface Sql {
  sql: string;
  args: InValue[];
}

const joined = (all: readonly Sql[], by: string): Sql => ({
  sql: all.map(({ sql }) => sql).join(by),
  args: all.flatMap(({ args }) => args),
});

type Client = Pick<Store["client"], "execute">;

/**
 * A page of a session's messages. It reads one index downwards: that of the session, of the chat, or of the rarest word. So
 * it sorts nothing, and its cost does not grow with the session.
 */
export async function findMessagePage(client: Client, sessionId: string, asked: Asked): Promise<MessagePage> {
  const { before, limit } = asked;
  const tokens = asked.tokens && (await byRarity(client, sessionId, asked.tokens));
  if (tokens?.length === 0) return { rows: [], continueAt: null };
  const { table, message, which, filters } = partsOf(sessionId, { ...asked, tokens });
  const page = (from: string) =>
    joined([...which, { sql: "entry.position >= ? AND entry.position < ?", args: [from, before] }], " AND ");
  let { from } = asked;
  let continueAt: string | null = null;
  if (filters.length > 0) {
    const { sql, args } = page(from);
    const floor = await client.execute({
      sql: `SELECT entry.position AS position FROM ${table} WHERE ${sql}
            ORDER BY entry.position DESC LIMIT 1 OFFSET ${mostLookedAt - 1}`,
      args,
    });
    if (floor.rows[0]) from = continueAt = text(floor.rows[0], "position");
  }
  const { sql, args } = joined([page(from), ...filters], " AND ");
  const columns = messageColumns
    .split(", ")
    .map((column) => `${message}.${column} AS ${column}`)
    .join(", ");
  const join =
    message === "entry"
      ? ""
      : "CROSS JOIN message INDEXED BY message_position ON message.session_id = entry.session_id AND message.position = entry.position";
  const { rows } = await client.execute({
    sql: `SELECT ${columns} FROM ${table} ${join} WHERE ${sql} ORDER BY entry.position DESC LIMIT ?`,
    args: [...args, limit],
  });
  return { rows: rows.map(toMessage), continueAt };
}

/** The index that is read, as `entry`, and what its rows must fulfil; `message` is the alias of the messages. */
function partsOf(sessionId: string, { chatId, tokens, isInbound, type }: Asked) {
  const [rarest, ...others] = tokens ?? [];
  const message = rarest === undefined ? "entry" : "message";
  const which: Sql[] = [{ sql: "entry.session_id = ?", args: [sessionId] }];
  const filters: Sql[] = others.map((token) => ({
    sql: `EXISTS (SELECT 1 FROM word WHERE word.session_id = entry.session_id AND word.token = ?
          AND word.position = entry.position)`,
    args: [token],
  }));
  if (rarest !== undefined) which.push({ sql: "entry.token = ?", args: [rarest] });
  if (chatId !== undefined) {
    const isOfChat = {
      sql: `${message}.conversation_id = coalesce((SELECT merged_into FROM conversation WHERE session_id = ? AND id = ?), ?)`,
      args: [sessionId, chatId, chatId],
    };
    (rarest === undefined ? which : filters).push(isOfChat);
  }
  if (isInbound !== undefined)
    filters.push({ sql: `${message}.author IS ${isInbound ? "NOT NULL" : "NULL"}`, args: [] });
  if (type !== undefined) filters.push({ sql: `${message}.type = ?`, args: [type] });
  const index = chatId === undefined ? "message_position" : "message_chat";
  const table = rarest === undefined ? `message AS entry INDEXED BY ${index}` : "word AS entry";
  return { table, message, which, filters };
}

/** The tokens, the rarest first; none if one of them occurs nowhere. */
async function byRarity(client: Client, sessionId: string, tokens: readonly string[]): Promise<string[]> {
  const { rows } = await client.execute({
    sql: `SELECT asked.value AS token, (SELECT count(*) FROM (SELECT 1 FROM word
            WHERE session_id = ? AND token = asked.value LIMIT ${mostCounted})) AS occurrences
          FROM json_each(?) AS asked`,
    args: [sessionId, JSON.stringify(tokens)],
  });
  const counted = rows.map((row) => ({ token: text(row, "token"), occurrences: Number(row["occurrences"]) }));
  if (counted.some(({ occurrences }) => occurrences === 0)) return [];
  return counted.toSorted((a, b) => a.occurrences - b.occurrences).map(({ token }) => token);
}
