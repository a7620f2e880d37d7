import { createId } from "@sandi/contracts";
import { sql } from "kysely";
import { sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";

/** Longer than any request to the database lasts. */
const receiptMs = 3600_000;

/** Deletes old receipts. There is one for each write, so many are deleted at once. */
export const sweepReceipts = ({ db, now }: Services) => [
  sql`DELETE FROM write_receipt WHERE id IN (SELECT id FROM write_receipt
    WHERE id < ${createId("wrc", new Date(now().getTime() - receiptMs), new Uint8Array(10))} LIMIT ${10 * sweepSize})`.compile(
    db.kysely,
  ),
];
