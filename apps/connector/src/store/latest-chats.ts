import type { InStatement } from "@libsql/client";
import type { Fence } from "./fence.ts";
import { text } from "./row.ts";
import type { Store } from "./store.ts";

/** The kinds of chats. */
export type ChatKind = "person" | "group";

/** Notes the latest message of a chat, whose row is stored before. Another message may have merged it meanwhile. */
export function latestStatement(
  { sessionId, fence }: Fence,
  { conversationId, kind, position }: { conversationId: string; kind: ChatKind; position: string },
): InStatement {
  return {
    sql: `UPDATE conversation SET latest = ?1, kind = ?2 WHERE session_id = ?3
          AND id = (SELECT coalesce(merged_into, id) FROM conversation WHERE session_id = ?3 AND id = ?4)
          AND coalesce(latest, '') < ?1 AND EXISTS (SELECT 1 FROM session WHERE id = ?3 AND fence = ?5)`,
    args: [position, kind, sessionId, conversationId, fence],
  };
}

/** A chat as it is stored; `latest` is the position of its latest message. */
export interface ChatRow {
  id: string;
  sealed: string;
  latest: string;
}

/** The chats of a session by their latest message, newest first. */
export async function findLatestChats(
  { client }: Pick<Store, "client">,
  sessionId: string,
  { kind, before, limit }: { kind: ChatKind | undefined; before: string | undefined; limit: number },
): Promise<ChatRow[]> {
  const { rows } = await client.execute({
    sql: `SELECT id, sealed, latest FROM conversation INDEXED BY ${kind === undefined ? "conversation_latest" : "conversation_kind"}
          WHERE session_id = ? ${kind === undefined ? "" : "AND kind = ?"} AND latest < ? ORDER BY latest DESC LIMIT ?`,
    args: [sessionId, ...(kind === undefined ? [] : [kind]), before ?? "~", limit],
  });
  return rows.map((row) => ({ id: text(row, "id"), sealed: text(row, "sealed"), latest: text(row, "latest") }));
}
