import type { InStatement, Row } from "@libsql/client";
import type { MediaEnd } from "@sandi/contracts";
import { fenceHolds, type Fence } from "./fence.ts";
import { text, textOrNull } from "./row.ts";
import type { Store } from "./store.ts";

/** Where the file of a received message is. */
export type DownloadState = MediaEnd | "pending" | "not_fetched";

export interface Download {
  state: DownloadState;
  mediaId: string | null;
  attempts: number;
}

/** The file of a message that is stored with this event: due now, or when somebody asks for it. */
export function newDownloadStatement(
  { sessionId, fence }: Fence,
  { waId, eventId, at }: { waId: string; eventId: string; at: Date },
): InStatement {
  const isWanted = "coalesce(session.media_download, 'all') = 'all'";
  return {
    sql: `INSERT INTO download (session_id, wa_id, state, attempts, due_at)
          SELECT message.session_id, message.wa_id, iif(${isWanted}, 'pending', 'not_fetched'), 0, iif(${isWanted}, ?, NULL)
          FROM message JOIN session ON session.id = message.session_id AND session.fence = ?
          WHERE message.session_id = ? AND message.wa_id = ? AND message.event_id = ? AND message.sealed IS NOT NULL
          ON CONFLICT DO NOTHING`,
    args: [at.getTime(), fence, sessionId, waId, eventId],
  };
}

/** Makes a file due, whatever became of it before. */
export function askedDownloadStatement({ sessionId, fence }: Fence, waId: string, at: Date): InStatement {
  return {
    sql: `INSERT INTO download (session_id, wa_id, state, attempts, due_at) SELECT session_id, wa_id, 'pending', 0, ?
          FROM message WHERE session_id = ? AND wa_id = ? AND sealed IS NOT NULL AND ${fenceHolds}
          ON CONFLICT DO UPDATE SET state = excluded.state, media_id = NULL, attempts = 0, due_at = excluded.due_at`,
    args: [at.getTime(), sessionId, waId, sessionId, fence],
  };
}

/** The next attempt comes later. */
export function laterDownloadStatement(
  { sessionId, fence }: Fence,
  { waId, attempts, dueAt }: { waId: string; attempts: number; dueAt: Date },
): InStatement {
  return {
    sql: `UPDATE download SET attempts = ?, due_at = ? WHERE session_id = ? AND wa_id = ? AND due_at IS NOT NULL
          AND ${fenceHolds}`,
    args: [attempts, dueAt.getTime(), sessionId, waId, sessionId, fence],
  };
}

/** The fetch has ended, which an event reports: both, or nothing when the message was deleted meanwhile. */
export function endDownloadStatements(
  { sessionId, fence }: Fence,
  { waId, state, mediaId, body, at }: { waId: string; state: MediaEnd; mediaId: string | null; body: string; at: Date },
): InStatement[] {
  const which = `session_id = ? AND wa_id = ? AND due_at IS NOT NULL AND ${fenceHolds}`;
  return [
    {
      sql: `INSERT INTO outbox (session_id, body, created_at) SELECT session_id, ?, ? FROM download WHERE ${which}`,
      args: [body, at.getTime(), sessionId, waId, sessionId, fence],
    },
    {
      sql: `UPDATE download SET state = ?, media_id = ?, due_at = NULL WHERE ${which}`,
      args: [state, mediaId, sessionId, waId, sessionId, fence],
    },
  ];
}

/** A message whose file is due, with its sealed content. */
export interface DueDownload {
  messageId: string;
  waId: string;
  sealed: string | null;
  attempts: number;
}

const dueColumns = `message.id AS id, message.wa_id AS wa_id, message.sealed AS sealed, download.attempts AS attempts
  FROM download JOIN message ON message.session_id = download.session_id AND message.wa_id = download.wa_id`;

/** The files of a session that are due, the longest waiting first. */
export async function findDueDownloads(
  { client }: Pick<Store, "client">,
  sessionId: string,
  { now, limit }: { now: Date; limit: number },
): Promise<DueDownload[]> {
  const { rows } = await client.execute({
    sql: `SELECT ${dueColumns} WHERE download.session_id = ? AND download.due_at <= ? ORDER BY download.due_at LIMIT ?`,
    args: [sessionId, now.getTime(), limit],
  });
  return rows.map(toDue);
}

/** When the next file of a session is due; null: none is. */
export async function nextDownloadAt({ client }: Pick<Store, "client">, sessionId: string): Promise<number | null> {
  const sql = "SELECT min(due_at) AS due_at FROM download WHERE session_id = ? AND due_at IS NOT NULL";
  const at = (await client.execute({ sql, args: [sessionId] })).rows[0]?.["due_at"] ?? null;
  return at === null ? null : Number(at);
}

/** The downloads of these messages, by the pseudonyms of WhatsApp's ids. */
export async function findDownloads(
  { client }: Pick<Store, "client">,
  sessionId: string,
  waIds: readonly string[],
): Promise<Map<string, Download>> {
  const { rows } = await client.execute({
    sql: `SELECT wa_id, state, media_id, attempts FROM download
          WHERE session_id = ? AND wa_id IN (SELECT value FROM json_each(?))`,
    args: [sessionId, JSON.stringify(waIds)],
  });
  return new Map(rows.map((row) => [text(row, "wa_id"), toDownload(row)]));
}

/** The session's setting. */
export async function mediaDownloadOf({ client }: Pick<Store, "client">, sessionId: string): Promise<string> {
  const { rows } = await client.execute({ sql: "SELECT media_download FROM session WHERE id = ?", args: [sessionId] });
  return (rows[0] && textOrNull(rows[0], "media_download")) ?? "all";
}

const toDownload = (row: Row): Download => ({
  state: text(row, "state") as DownloadState,
  mediaId: textOrNull(row, "media_id"),
  attempts: Number(row["attempts"]),
});

const toDue = (row: Row): DueDownload => ({
  messageId: text(row, "id"),
  waId: text(row, "wa_id"),
  sealed: textOrNull(row, "sealed"),
  attempts: Number(row["attempts"]),
});
