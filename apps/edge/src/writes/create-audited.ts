import type { Queries, Results } from "@sandi/libsql";
import { type RawBuilder, sql } from "kysely";
import { auditStatement } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import type { Accepted } from "../http/idempotency/create.ts";
import { newId } from "../services.ts";
import type { NoReads, Reads } from "./commit.ts";
import { type Creation, createOnce } from "./create-once.ts";

interface AuditedCreation<W extends Queries, F extends Reads, Row, Resource> extends Omit<
  Creation<W, F, Row, Resource>,
  "writes" | "undo" | "caller" | "present"
> {
  /** The resource's name in the audit log: `pool` has the entry `pool.created`. */
  kind: string;
  /** The entry's detail: never a secret or a full phone number. */
  detail: Record<string, unknown>;
  /** The maximum in a workspace. */
  limit: number;
  /** The current number in SQL. If left out: all rows of the workspace. */
  count?: RawBuilder<number>;
  /** The INSERT, which inserts nothing unless `mayInsert`, and other statements of the batch. */
  writes: (mayInsert: RawBuilder<boolean>) => W;
  /** Undoes the INSERT. If left out: deletes the row. */
  undo?: () => Queries;
  present: (row: Row, written?: Results<W>) => Resource | Promise<Resource>;
}

/** Creates a resource once, up to a limit, with an entry in the audit log. */
export function createAudited<const W extends Queries, Row, Resource, const F extends Reads = NoReads>(
  ctx: Context,
  { kind, detail, limit, count, writes, undo, refuse, present, ...creation }: AuditedCreation<W, F, Row, Resource>,
): Promise<Accepted<Resource>> {
  const { services, actor } = ctx;
  const { workspaceId } = actor;
  const { table, id, at } = creation;
  const auditId = newId(services, "aud");
  const own = sql`${sql.table(table)} WHERE id = ${id} AND workspace_id = ${workspaceId}`;
  const known = count ?? sql<number>`(SELECT count(*) FROM ${sql.table(table)} WHERE workspace_id = ${workspaceId})`;
  return createOnce(services, workspaceId, {
    ...creation,
    caller: ctx,
    writes: (isFirst) => ({
      created: writes(sql<boolean>`(${isFirst} AND ${limit} > ${known})`),
      audit: auditStatement(services.db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: `${kind}.created`,
        target: id,
        detail,
        at,
        when: sql`EXISTS (SELECT 1 FROM ${own})`,
      }),
    }),
    undo: () => ({
      created: undo?.() ?? sql`DELETE FROM ${own}`,
      audit: sql`UPDATE audit SET action = ${`${kind}.not_created`} WHERE id = ${auditId}`,
    }),
    refuse: (facts) => refuse(facts),
    present: (row: Row, written?: unknown) => present(row, (written as { created: Results<W> } | undefined)?.created),
  });
}
