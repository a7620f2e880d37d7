import type { InStatement } from "@libsql/client";
import type { ConnectorEvent } from "@sandi/contracts";
import { fenceHolds, type Fence } from "./fence.ts";
import { dateOrNull, text } from "./row.ts";
import type { Store } from "./store.ts";

type WithoutSeq<Event> = Event extends unknown ? Omit<Event, "seq"> : never;
/** An event before the outbox numbers it. */
export type NewEvent = WithoutSeq<ConnectorEvent>;

/** Appends an event, if this process still holds the session. */
export function appendStatement(fence: Fence, event: NewEvent): InStatement {
  return appendBodyStatement(fence, JSON.stringify(event), new Date(event.at));
}

/** The same for an event that is serialised already, and sealed where necessary. */
export function appendBodyStatement({ sessionId, fence }: Fence, body: string, at: Date): InStatement {
  return {
    sql: `INSERT INTO outbox (session_id, body, created_at) SELECT ?, ?, ? WHERE ${fenceHolds}`,
    args: [sessionId, body, at.getTime(), sessionId, fence],
  };
}

/** Appends an event about a message, only while the ledger has the message below this rank. */
export function appendOnceStatement(
  { sessionId, fence }: Fence,
  event: NewEvent,
  waId: string,
  below: number,
): InStatement {
  return {
    sql: `INSERT INTO outbox (session_id, body, created_at) SELECT ?, ?, ? FROM ledger
          WHERE session_id = ? AND wa_id = ? AND rank < ? AND ${fenceHolds}`,
    args: [sessionId, JSON.stringify(event), Date.parse(event.at), sessionId, waId, below, sessionId, fence],
  };
}

export interface OutboxRow {
  seq: number;
  body: string;
  /** Sealed; null: it has none. */
  content: string | null;
  /** More were found, which would make the batch too long. */
  isCut: boolean;
}

/** The edge takes 1 MiB. A sealed event is longer than what is sent of it. */
const mostBytes = 1_000_000;

interface OutboxPart {
  limit: number;
  /** This session only. */
  only?: string;
  /** All sessions except these. */
  without?: readonly string[];
}

/** The oldest events of deleted sessions and of the sessions that this run owns, as many as fit into one batch. */
export async function readOutbox(
  { client }: Store,
  run: string,
  { limit, only, without = [] }: OutboxPart,
): Promise<OutboxRow[]> {
  const which = only === undefined ? "NOT IN (SELECT value FROM json_each(?))" : "= ?";
  const { rows } = await client.execute({
    sql: `SELECT outbox.seq AS seq, outbox.body AS body, octet_length(outbox.sealed_content) AS bytes FROM outbox
          JOIN session ON session.id = outbox.session_id AND (session.owner_run = ? OR session.gone_at IS NOT NULL)
          WHERE outbox.parked_at IS NULL AND outbox.session_id ${which} ORDER BY outbox.seq LIMIT ?`,
    args: [run, only ?? JSON.stringify(without), limit],
  });
  let bytes = 0;
  const fitting = rows
    .map((row) => ({ seq: Number(row["seq"]), body: text(row, "body"), contentBytes: Number(row["bytes"] ?? 0) }))
    .filter(({ body, contentBytes }, i) => (bytes += body.length + contentBytes) <= mostBytes || i === 0);
  const withContent = fitting.flatMap(({ seq, contentBytes }) => (contentBytes > 0 ? [seq] : []));
  const contents = withContent.length === 0 ? new Map<number, string>() : await readContents(client, withContent);
  const isCut = fitting.length < rows.length;
  return fitting.map(({ seq, body }) => ({ seq, body, content: contents.get(seq) ?? null, isCut }));
}

async function readContents(client: Store["client"], seqs: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await client.execute({
    sql: `SELECT seq, sealed_content FROM outbox WHERE seq IN (SELECT value FROM json_each(?))
          AND sealed_content IS NOT NULL`,
    args: [JSON.stringify(seqs)],
  });
  return new Map(rows.map((row) => [Number(row["seq"]), text(row, "sealed_content")]));
}

export async function deleteFromOutbox({ writer }: Store, seqs: number[]): Promise<void> {
  await writer.write([
    { sql: "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", args: [JSON.stringify(seqs)] },
  ]);
}

/** Sets aside an event that the edge does not accept, so that it does not block the others. */
export async function parkInOutbox({ writer }: Store, seq: number, now: Date): Promise<void> {
  await writer.write([{ sql: "UPDATE outbox SET parked_at = ? WHERE seq = ?", args: [now.getTime(), seq] }]);
}

/** Returns parked events to the outbox and deletes old ones. Returns how many are tried again. */
export async function sweepOutbox(
  { writer }: Pick<Store, "writer">,
  { parkedUntil, appendedSince, forgetBefore }: { parkedUntil: Date; appendedSince: Date; forgetBefore: Date },
): Promise<number> {
  const [, tried] = await writer.write([
    {
      sql: "DELETE FROM outbox WHERE parked_at IS NOT NULL AND created_at < ?",
      args: [forgetBefore.getTime()],
    },
    {
      sql: "UPDATE outbox SET parked_at = NULL WHERE parked_at <= ? AND created_at >= ?",
      args: [parkedUntil.getTime(), appendedSince.getTime()],
    },
  ]);
  return tried!.rowsAffected;
}

/** True while an event about the message has not reached the edge. */
export async function hasEventOf(
  { client }: Store,
  { sessionId, messageId }: { sessionId: string; messageId: string },
): Promise<boolean> {
  const sql = "SELECT 1 FROM outbox WHERE session_id = ? AND body ->> '$.messageId' = ? LIMIT 1";
  const { rows } = await client.execute({ sql, args: [sessionId, messageId] });
  return rows.length > 0;
}

/** How many events of one session wait for the edge. */
export async function outboxDepthOf({ client }: Store, sessionId: string): Promise<number> {
  const sql = "SELECT count(*) AS n FROM outbox WHERE session_id = ? AND parked_at IS NULL";
  const { rows } = await client.execute({ sql, args: [sessionId] });
  return Number(rows[0]?.["n"] ?? 0);
}

export interface OutboxDepth {
  waiting: number;
  parked: number;
  oldestAt: Date | null;
}

export async function outboxDepth({ client }: Store): Promise<OutboxDepth> {
  const { rows } = await client.execute(
    `SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting, count(parked_at) AS parked,
            min(created_at) FILTER (WHERE parked_at IS NULL) AS oldest FROM outbox`,
  );
  return {
    waiting: Number(rows[0]?.["waiting"] ?? 0),
    parked: Number(rows[0]?.["parked"] ?? 0),
    oldestAt: dateOrNull(rows[0], "oldest"),
  };
}
