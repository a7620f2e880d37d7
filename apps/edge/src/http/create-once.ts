import { AppError, type ErrorCode } from "@sandi/contracts";
import { type Compilable, type CompiledQuery, type QueryResult, type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import { recover } from "../db/lost-writes.ts";
import type { Tables } from "../db/schema.ts";
import { writeAs } from "../auth/write-as.ts";
import type { Services } from "../services.ts";
import {
  type Accepted,
  type StoredResponse,
  forgetIdempotencyKey,
  idempotencyTtlMs,
  keepResponse,
  hasNoResponse,
  storeIdempotencyKey,
  isFirstRequest,
  type IdempotencyKey,
  replay,
  selectStoredResponse,
} from "./idempotency/create.ts";

type Results<Queries extends readonly CompiledQuery[]> = {
  -readonly [Index in keyof Queries]: Queries[Index] extends CompiledQuery<infer Row> ? QueryResult<Row> : never;
};

/** What one verb creates. `own` are the answers to its own statements; they are missing when the write's was lost. */
export interface Creation<Own extends readonly CompiledQuery[], Row, Resource> {
  table: keyof Tables;
  id: string;
  /** The request, whose actor the batch checks again (`writeAs`). Sends leave it out and trust the key cache. */
  caller?: Context;
  at: number;
  idempotencyKey: IdempotencyKey | undefined;
  /** Reads a resource, as its workspace sees it. */
  find: (id: string) => Compilable<Row> & { executeTakeFirst: () => Promise<Row | undefined> };
  /** The INSERT and what belongs to it; nothing is inserted unless `isFirst`. */
  statements: (isFirst: RawBuilder<boolean>) => Own;
  /** Inserts what keeps the INSERT from landing, unless it has landed. */
  block: CompiledQuery;
  /** Blocks, and takes back what has landed if `isUnknown` to the caller; the last one changes a row if it had. */
  withdraw: (isUnknown: RawBuilder<boolean>) => readonly CompiledQuery[];
  /** Why nothing was stored. */
  refuse: (own: Results<Own> | undefined) => AppError | Promise<AppError>;
  present: (row: Row, own?: Results<Own>) => Resource;
  /** What a repeated request is answered, where that is less. */
  presentAgain?: (row: Row) => Resource;
  /** What follows beside the answer. */
  publish?: (row: Row) => void;
  /** When what an earlier request has made is gone. */
  gone: ErrorCode;
}

/** Creates a resource in one batch, once per idempotency key, and also when the database's answer is lost. */
export async function createOnce<const Own extends readonly CompiledQuery[], Row, Resource>(
  services: Services,
  workspaceId: string,
  creation: Creation<Own, Row, Resource>,
): Promise<Accepted<Resource>> {
  const { db } = services;
  const { table, id, at, idempotencyKey, caller, find, present, presentAgain, publish } = creation;
  const since = at - idempotencyTtlMs;
  const made = sql`SELECT id FROM ${sql.table(table)} WHERE id = ${id}`;
  const statements = creation.statements(isFirstRequest(workspaceId, idempotencyKey, since));

  let earlier: StoredResponse | undefined;
  let own: Results<Own> | undefined;
  let row: Row | undefined;
  try {
    const batch: CompiledQuery[] = [
      selectStoredResponse(db, workspaceId, idempotencyKey, since),
      ...statements,
      ...storeIdempotencyKey(db, workspaceId, { idempotencyKey, made, at }),
      find(id).compile(),
    ];
    const results = await (caller ? writeAs(caller, batch) : db.write(batch));
    earlier = results[0]?.rows[0] as StoredResponse | undefined;
    own = results.slice(1, 1 + statements.length) as unknown as Results<Own>;
    row = results.at(-1)?.rows[0] as Row | undefined;
  } catch (error) {
    row = await recover(services, error, {
      settle: async () => {
        const [blocked, { rows }] = await db.write([creation.block, find(id)]);
        return blocked.numAffectedRows === 0n ? rows[0] : undefined;
      },
      withdraw: () =>
        db.write([
          ...creation.withdraw(hasNoResponse(workspaceId, idempotencyKey)),
          ...forgetIdempotencyKey(db, workspaceId, { idempotencyKey, at }),
        ]),
    });
  }

  if (earlier) {
    const render = async (resourceId: string) => {
      const found = await find(resourceId).executeTakeFirst();
      if (!found) throw new AppError(creation.gone);
      return (presentAgain ?? present)(found);
    };
    return replay(services, workspaceId, { earlier, idempotencyKey, render });
  }
  if (!row) throw await creation.refuse(own);
  const resource = present(row, own);
  publish?.(row);
  keepResponse(services, workspaceId, { idempotencyKey, response: presentAgain?.(row) ?? resource });
  return { resource, replayed: false };
}
