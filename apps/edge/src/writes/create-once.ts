import { AppError, type ErrorCode } from "@sandi/contracts";
import type { Queries, Query, Results } from "@sandi/libsql";
import { type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import type { Tables } from "../db/schema.ts";
import {
  type Accepted,
  forgetIdempotencyKey,
  idempotencyTtlMs,
  keepResponse,
  hasNoResponse,
  storeIdempotencyKey,
  isFirstRequest,
  type IdempotencyKey,
  replay,
  selectStoredResponse,
} from "../http/idempotency/create.ts";
import type { Services } from "../services.ts";
import { commitAs } from "./commit-as.ts";
import { commit, type NoReads, type Reads, type Rows } from "./commit.ts";

/** One resource that a verb creates. */
export interface Creation<W extends Queries, F extends Reads, Row, Resource> {
  table: keyof Tables;
  id: string;
  /** The calling key, which the batch checks again (`commitAs`). Sends leave it out and trust the key cache. */
  caller?: Context;
  at: number;
  idempotencyKey: IdempotencyKey | undefined;
  /** Reads a resource of the workspace. */
  find: (id: string) => Query<Row> & { executeTakeFirst: () => Promise<Row | undefined> };
  /** The INSERT, which inserts nothing unless `isFirst`, and other statements of the batch. */
  writes: (isFirst: RawBuilder<boolean>) => W;
  /** Deletes or cancels the resource if it was stored and the caller was answered 503. */
  undo: () => Queries;
  /** Reads for `refuse`. */
  facts?: F;
  /** The error that says why nothing was stored. @param written undefined if the database's answer was lost */
  refuse: (facts: Rows<F>, written?: Results<W>) => AppError | Promise<AppError>;
  /** @param written undefined if the database's answer was lost */
  present: (row: Row, written?: Results<W>) => Resource | Promise<Resource>;
  /** The answer to a repetition, if it has less than the first. */
  presentAgain?: (row: Row) => Resource | Promise<Resource>;
  /** Runs in the background of the answer. */
  publish?: (row: Row) => void;
  /** The error for a repetition whose resource is deleted. */
  gone: ErrorCode;
}

/** Creates a resource in one batch, once for each idempotency key. */
export async function createOnce<const W extends Queries, Row, Resource, const F extends Reads = NoReads>(
  services: Services,
  workspaceId: string,
  creation: Creation<W, F, Row, Resource>,
): Promise<Accepted<Resource>> {
  const { db } = services;
  const { table, id, at, idempotencyKey, caller, find, present, presentAgain, publish } = creation;
  const since = at - idempotencyTtlMs;
  const made = sql`SELECT id FROM ${sql.table(table)} WHERE id = ${id}`;
  const batch = {
    writes: {
      own: creation.writes(isFirstRequest(workspaceId, idempotencyKey, since)),
      noted: storeIdempotencyKey(db, workspaceId, { idempotencyKey, made, at }),
    },
    reads: { ...creation.facts, earlier: selectStoredResponse(db, workspaceId, idempotencyKey, since), row: find(id) },
    undo: () => ({
      unless: sql<boolean>`NOT ${hasNoResponse(workspaceId, idempotencyKey)}`,
      writes: [creation.undo(), forgetIdempotencyKey(db, workspaceId, { idempotencyKey, at })],
    }),
  };
  const committed = await (caller ? commitAs(caller, batch) : commit(services, batch));
  const [earlier] = committed.earlier;
  const [row] = committed.row;

  if (earlier && earlier.resourceId !== id) {
    const render = async (resourceId: string) => {
      const found = await find(resourceId).executeTakeFirst();
      if (!found) throw new AppError(creation.gone);
      return (presentAgain ?? present)(found);
    };
    return replay(services, workspaceId, { earlier, idempotencyKey, render });
  }
  if (!row) throw await creation.refuse(committed as unknown as Rows<F>, committed.written?.own);
  const resource = await present(row, committed.written?.own);
  publish?.(row);
  keepResponse(services, workspaceId, { idempotencyKey, response: (await presentAgain?.(row)) ?? resource });
  return { resource, replayed: false };
}
