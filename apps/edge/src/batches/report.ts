import { failureReasons } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { BatchItemTable } from "../db/tables/batches.ts";
import { type MessageRow, toDelivery, type Viewer } from "../messages/present.ts";
import { shownMask } from "../phone.ts";

/** Rows read at once: the report is never whole in memory. */
const pageSize = 200;

type Row = Pick<BatchItemTable, "position" | "toMasked" | "state" | "code"> & {
  [Column in Exclude<keyof MessageRow, "toMasked">]: MessageRow[Column] | null;
};

const header = ["position", "to", "status", "reason", "messageId", "sentAt", "deliveredAt", "readAt", "metadata"];

/** The report of a batch as CSV (RFC 4180), in UTF-8 with a byte order mark, which spreadsheets need. */
export function reportOf(db: Db, batchId: string, viewer: Viewer): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after = -1;
  return new ReadableStream({
    start: (out) => out.enqueue(encoder.encode(`\uFEFF${lineOf(header)}`)),
    async pull(out) {
      const { rows } = await db.kysely.executeQuery(selectRows(db, batchId, after));
      if (rows.length > 0) out.enqueue(encoder.encode(rows.map((row) => lineOf(cellsOf(row, viewer))).join("")));
      after = rows.at(-1)?.position ?? after;
      if (rows.length < pageSize) out.close();
    },
  });
}

const selectRows = (db: Db, batchId: string, after: number): CompiledQuery<Row> =>
  sql<Row>`SELECT i.position, i.to_masked, i.state, i.code, m.id, m.status, m.failure, m.sent_at, m.delivered_at, m.read_at,
      m.expires_at, m.no_account_at, m.updated_at AS message_updated_at, m.metadata
    FROM batch_item i LEFT JOIN message m ON m.id = i.message_id
    WHERE i.batch_id = ${batchId} AND i.position > ${after} ORDER BY i.position LIMIT ${pageSize}`.compile(db.kysely);

function cellsOf(row: Row, viewer: Viewer): (string | null)[] {
  const start = [String(row.position), shownMask(row.toMasked)];
  if (row.id === null) return [...start, row.state === "expanded" ? "deleted" : row.state, row.code];
  const { status, failure, sentAt, deliveredAt, readAt } = toDelivery(row as MessageRow, viewer);
  const reason = failure && `${failure.reason}: ${failureReasons[failure.reason]}`;
  return [...start, status, reason, row.id, sentAt, deliveredAt, readAt, row.metadata];
}

const lineOf = (cells: readonly (string | null)[]) => `${header.map((_, i) => cellOf(cells[i] ?? "")).join(",")}\r\n`;

/** A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
