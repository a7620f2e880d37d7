import type { NamedQueries, Queries, Query, Results } from "@sandi/libsql";
import { type QueryResult, type RawBuilder, sql } from "kysely";
import { isConstraint, isRefused, isUnreachable } from "../db/failures.ts";
import { newId, type Services } from "../services.ts";

export type Reads = NamedQueries;

// oxlint-disable-next-line typescript/no-generated-empty-object-type -- a batch without reads has no names
export type NoReads = Pick<Reads, never>;

/** The rows of each read, in the shape of the reads. */
export type Rows<R extends Reads> = { [Name in keyof R]: RowsOf<R[Name]> };
type RowsOf<Of> = [Queries] extends [Of]
  ? unknown
  : [Of] extends [Query<infer Row>]
    ? Row[]
    : { -readonly [Name in keyof Of]: RowsOf<Of[Name]> };

/** One transaction: all of it is stored, or nothing. */
export interface Batch<W extends Queries, R extends Reads> {
  /** Statements that can make the batch fail by a row in `refusal`. They run before the writes. */
  guards?: readonly Query[];
  writes: W;
  /** Rows that the caller needs. Reads run after the writes, and run again if the database's answer was lost. */
  reads?: R;
  /** Undoes a batch that was stored although the caller got a 503, unless `unless` (SQL) is true by then. */
  undo?: () => { writes: Queries; unless?: RawBuilder<boolean> };
}

/** The rows of the reads, and the results of the writes unless the database's answer was lost. */
export type Committed<W extends Queries, R extends Reads> = Rows<R> & { written?: Results<W> };

export interface Commit<By> {
  /** With `requires` (SQL): returns undefined, and stores nothing, if it is not true before the writes. */
  <const W extends Queries, const R extends Reads = NoReads>(
    by: By,
    batch: Batch<W, R> & { requires: RawBuilder<boolean> },
  ): Promise<Committed<W, R> | undefined>;
  <const W extends Queries, const R extends Reads = NoReads>(by: By, batch: Batch<W, R>): Promise<Committed<W, R>>;
}

type AnyBatch = Batch<Queries, Reads> & { requires?: RawBuilder<boolean> };

/**
 * Stores a batch with a receipt as its first row. If the database's answer is lost, a second request takes the receipt's
 * id: either it finds the receipt, so the batch was stored, or the batch can never be stored, and the error is thrown.
 */
export const commit = (async (services: Services, { guards = [], requires, writes, reads = {}, undo }: AnyBatch) => {
  const { db } = services;
  const receipt = newId(services, "wrc");
  try {
    const results = await db.write({
      receipt: sql`INSERT INTO write_receipt (id) VALUES (${receipt})`,
      guards: requires ? [...guards, refuseUnless(requires)] : guards,
      writes,
      reads,
    });
    return { ...rowsOf(results.reads), written: results.writes };
  } catch (error) {
    if (requires && isRefused(error, "requirement_is_not_met")) return undefined;
    if (!isUnreachable(error)) throw error;
    return settle(services, { receipt, error, reads, undo });
  }
}) as Commit<Services>;

const refuseUnless = (condition: RawBuilder<boolean>) =>
  sql`INSERT INTO refusal (reason) SELECT 'requirement' WHERE NOT ${condition}`;

/** Changes one row if the batch was not stored, and then the batch can never be stored. */
const takeReceipt = (id: string) => sql`INSERT INTO write_receipt (id) VALUES (${id}) ON CONFLICT DO NOTHING`;

interface Lost {
  receipt: string;
  /** The error of the request whose answer was lost. */
  error: unknown;
  reads: Reads;
  undo: AnyBatch["undo"];
}

async function settle(services: Services, { receipt, error, reads, undo }: Lost): Promise<Record<string, unknown>> {
  let results;
  try {
    results = await services.db.write({ taken: takeReceipt(receipt), reads });
  } catch (again) {
    services.waitUntil(undoLater(services, receipt, undo));
    throw again;
  }
  if (results.taken.numAffectedRows === 1n) throw error;
  return rowsOf(results.reads);
}

const attempts = 4;

/** The caller gets a 503: prevents the batch from being stored, or undoes it. */
async function undoLater({ db, sleep, log }: Services, receipt: string, undo: Lost["undo"]): Promise<void> {
  const { writes = [], unless = sql<boolean>`false` } = undo?.() ?? {};
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await sleep(250 * 2 ** attempt);
    try {
      await db.write([
        // A batch that was stored has its receipt: this row conflicts with it, and nothing is undone.
        sql`INSERT INTO write_receipt (id) SELECT ${receipt} WHERE ${unless}`,
        takeReceipt(receipt),
        writes,
      ]);
      return;
    } catch (error) {
      if (isConstraint(error)) return;
    }
  }
  log("a write that was answered with 503 may have been stored");
}

const rowsOf = (results: object) =>
  Object.fromEntries(Object.entries(results).map(([name, each]: [string, object]) => [name, rowsIn(each)]));

function rowsIn(results: object): unknown {
  if ("numAffectedRows" in results) return (results as QueryResult<unknown>).rows;
  return Array.isArray(results) ? results.map(rowsIn) : rowsOf(results);
}
